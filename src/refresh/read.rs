//! Reads a file as typed batches and rejects, in the order of its lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;

use crate::error::{Error, Result};
use crate::source::{
    Block, Candidate, Contract, Decoded, Decoder, Dialect, HeaderMatch, RecordReader, Reject, open,
};

/// Bytes of a file that one block of records spans.
const BLOCK_BYTES: usize = 1 << 20;
/// Bytes in which a header must end.
const HEADER_BYTES: usize = 1 << 20;
/// Rejects that a preview keeps.
const PREVIEWED: usize = 20;

/// What landing one file would give, without writing.
#[derive(Debug)]
pub struct Preview {
    /// Separator, quote, line ends, header.
    pub dialect: Dialect,
    /// Where the contract's columns stand.
    pub header: HeaderMatch,
    /// Rows in the file.
    pub rows_in: u64,
    /// Rows that would be rejected.
    pub rows_rejected: u64,
    /// The first of them.
    pub rejects: Vec<Reject>,
}

/// Reads the whole file as landing would, and writes nothing.
///
/// # Errors
/// When the file cannot be read or its header does not fit the contract.
pub async fn preview(contract: &Contract, file: &Candidate, threads: usize) -> Result<Preview> {
    let path = file.full.as_path();
    contract.check_path(&file.path, path)?;
    let opened = open(path, contract)?;
    let (reader, dialect, header) = begin(opened.text, contract, path)?;
    let decoder = Decoder::new(
        Arc::new(contract.clone()),
        &file.path,
        &dialect,
        header.clone(),
        0,
    );
    let mut preview = Preview {
        dialect,
        header,
        rows_in: 0,
        rows_rejected: 0,
        rejects: Vec::new(),
    };
    let mut decoded = Box::pin(decode_blocks(reader, decoder, threads, path.to_path_buf()));
    while let Some(block) = decoded.next().await {
        let (records, mut block) = block?;
        preview.rows_in += records;
        preview.rows_rejected += block.rejects.len() as u64;
        let room = PREVIEWED.saturating_sub(preview.rejects.len());
        block.rejects.truncate(room);
        preview.rejects.append(&mut block.rejects);
    }
    Ok(preview)
}

pub(super) type TextReader = RecordReader<Box<dyn std::io::Read + Send>>;

/// Finds dialect and header.
pub(super) fn begin(
    text: Box<dyn std::io::Read + Send>,
    contract: &Contract,
    path: &Path,
) -> Result<(TextReader, Dialect, HeaderMatch)> {
    let mut reader = RecordReader::new(text, BLOCK_BYTES);
    let head = reader.peek(HEADER_BYTES).map_err(|e| unreadable(path, e))?;
    let dialect = Dialect::detect(head, contract, path)?;
    let header = dialect.match_header(contract, path)?;
    reader.set_dialect(dialect.delimiter, dialect.quote, dialect.terminator);
    Ok((reader, dialect, header))
}

/// Reads blocks on one thread, decodes them on `threads`, keeps their order.
/// Gives each block's records, the header left out, and what they became.
pub(super) fn decode_blocks(
    mut reader: TextReader,
    decoder: Decoder,
    threads: usize,
    path: PathBuf,
) -> impl futures::Stream<Item = Result<(u64, Decoded)>> {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<(usize, Block)>>(threads + 1);
    // Blocks that are decoded go back, so that their memory is used again.
    let (back, done) = std::sync::mpsc::channel::<Block>();
    let reading = tokio::task::spawn_blocking(move || {
        let mut skip = 1;
        loop {
            let block = match reader.next_block(done.try_recv().unwrap_or_default()) {
                Ok(Some(block)) => block,
                Ok(None) => return,
                Err(e) => {
                    // The receiver is gone only when landing failed already.
                    let _ = sender.blocking_send(Err(unreadable(&path, e)));
                    return;
                }
            };
            let header = skip.min(block.records.len());
            skip -= header;
            if sender.blocking_send(Ok((header, block))).is_err() {
                return;
            }
        }
    });
    let stopped = futures::stream::once(async move {
        let ended = reading.await;
        ended.map_err(|e| Error::io("a reader stopped").because(e))
    })
    .filter_map(|ended| async move { ended.err().map(Err) });
    let decoder = Arc::new(decoder);
    let blocks = futures::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|block| (block, receiver))
    });
    blocks
        .chain(stopped)
        .map(move |block| {
            let (decoder, back) = (Arc::clone(&decoder), back.clone());
            async move {
                let (skip, block) = block?;
                let records = (block.records.len() - skip) as u64;
                let decoded = tokio::task::spawn_blocking(move || {
                    let decoded = decoder.decode(&block, skip);
                    // At the end of a file none is read any more.
                    let _ = back.send(block);
                    decoded
                });
                let decoded = decoded
                    .await
                    .map_err(|e| Error::io("a reader stopped").because(e))??;
                Ok((records, decoded))
            }
        })
        .buffered(threads)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let truncated = error.kind() == std::io::ErrorKind::UnexpectedEof;
    let error = Error::data("the file cannot be read to its end")
        .file(path)
        .because(error);
    if truncated {
        error.hint("a packed file that ends early is incomplete; deliver it again")
    } else {
        error
    }
}
