//! `cinelake lineage`: what a table is built from, and what is built from it.

use std::collections::BTreeSet;

use clap::ValueEnum;
use serde_json::json;

use super::at::At;
use super::docs::open;
use super::{Context, Status};
use crate::docs::{Dictionary, Lineage, Node};
use crate::error::{Error, Result, did_you_mean};

/// Show what a table is built from, and what is built from it
#[derive(Debug, clap::Args)]
pub(super) struct ShowLineage {
    /// The table, such as `gold.dim_users`; all of them when left out
    table: Option<String>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// An indented list
    #[default]
    Text,
    /// A Mermaid flowchart
    Mermaid,
    /// The DOT language of Graphviz
    Dot,
    /// `{"nodes": […], "edges": [[from, to], …]}`
    Json,
}

impl ShowLineage {
    pub(super) async fn run(self, context: &Context) -> Result<Status> {
        let (workspace, snapshot) = open(context.config()?, &self.at).await?;
        let all = match snapshot.filter(|_| self.at.snapshot.is_some()) {
            Some(snapshot) => Lineage::at(&snapshot),
            None => Dictionary::lineage_of(&workspace),
        };
        let node = self
            .table
            .as_deref()
            .map(|name| find(&all, name))
            .transpose()?;
        let shown = match &node {
            Some(node) => all.around(node),
            None => all,
        };
        let text = match (self.format, &node) {
            (Format::Text, Some(node)) => tree(&shown, node),
            (Format::Text, None) => list(&shown),
            (Format::Mermaid, _) => shown.mermaid(),
            (Format::Dot, _) => shown.dot(),
            (Format::Json, _) => as_json(&shown),
        };
        context.console.result(&text)?;
        Ok(Status::Fine)
    }
}

fn find(lineage: &Lineage, name: &str) -> Result<Node> {
    if let Some(node) = lineage.nodes().find(|n| n.to_string() == name) {
        return Ok(node.clone());
    }
    let names: Vec<String> = lineage.nodes().map(ToString::to_string).collect();
    let hint = did_you_mean(name, names.iter().map(String::as_str));
    Err(Error::usage(format!("no table or report `{name}`"))
        .hint(hint.unwrap_or_else(|| "`cinelake ls` lists the tables".to_owned())))
}

/// What is read above, what reads below, each as deep as it goes. A table
/// that was listed already is not unfolded again.
fn tree(lineage: &Lineage, node: &Node) -> String {
    let mut text = format!("{node}\n");
    let mut branch = |title: &str, next: &dyn Fn(&Node) -> Vec<Node>| {
        let nodes = next(node);
        if !nodes.is_empty() {
            text.push_str(&format!("{title}\n"));
            unfold(&mut text, &nodes, next, 1, &mut BTreeSet::new());
        }
    };
    branch("reads", &|n| lineage.inputs(n).cloned().collect());
    branch("read by", &|n| lineage.readers(n).cloned().collect());
    text
}

fn unfold(
    text: &mut String,
    nodes: &[Node],
    next: &dyn Fn(&Node) -> Vec<Node>,
    depth: usize,
    seen: &mut BTreeSet<Node>,
) {
    for node in nodes {
        let below = next(node);
        let folded = !seen.insert(node.clone()) && !below.is_empty();
        let mark = if folded { " …" } else { "" };
        text.push_str(&format!("{}{node}{mark}\n", "  ".repeat(depth)));
        if !folded {
            unfold(text, &below, next, depth + 1, seen);
        }
    }
}

fn list(lineage: &Lineage) -> String {
    let line = |node: &Node| {
        let inputs: Vec<String> = lineage.inputs(node).map(ToString::to_string).collect();
        match inputs.is_empty() {
            true => format!("{node}\n"),
            false => format!("{node} <- {}\n", inputs.join(", ")),
        }
    };
    lineage.nodes().map(line).collect()
}

fn as_json(lineage: &Lineage) -> String {
    let nodes: Vec<String> = lineage.nodes().map(ToString::to_string).collect();
    let edges: Vec<[String; 2]> = lineage
        .edges()
        .map(|(from, to)| [from.to_string(), to.to_string()])
        .collect();
    format!("{}\n", json!({ "nodes": nodes, "edges": edges }))
}
