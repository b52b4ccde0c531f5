//! The descriptions beside a query's final columns.

use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace, Word};

/// A final column and the comment beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDoc {
    /// The column's name.
    pub name: String,
    /// The comment on the line where the column ends; empty without one.
    pub description: String,
}

/// The columns of the first outermost `select`, in order.
///
/// A column without a name of its own (`count(*)` without `as`, `*`) is left
/// out. Nothing when the text does not tokenize: the parser says why.
pub(super) fn final_columns(sql: &str) -> Vec<ColumnDoc> {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location() else {
        return Vec::new();
    };
    let mut reader = Reader::default();
    for token in &tokens {
        if reader.step(token) == Step::Done {
            break;
        }
    }
    reader.end_item();
    reader.columns.into_iter().flatten().collect()
}

#[derive(PartialEq, Eq)]
enum Step {
    More,
    Done,
}

#[derive(Default)]
struct Reader {
    depth: u32,
    inside: bool,
    /// The name an item has so far, and the line of its last token.
    item: Option<(Option<String>, u64)>,
    comma_line: u64,
    /// One entry an item; `None` for an item without a name.
    columns: Vec<Option<ColumnDoc>>,
    pending_comment: Option<String>,
}

impl Reader {
    fn step(&mut self, token: &TokenWithSpan) -> Step {
        let line = token.span.start.line;
        match &token.token {
            Token::Whitespace(Whitespace::SingleLineComment { comment, .. }) => {
                self.comment(comment.trim(), line);
                return Step::More;
            }
            Token::Whitespace(_) => return Step::More,
            Token::LParen | Token::LBracket => self.depth += 1,
            Token::RParen | Token::RBracket => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth == 0 {
            match &token.token {
                Token::Word(word) if word.keyword == Keyword::SELECT && !self.inside => {
                    self.inside = true;
                    return Step::More;
                }
                Token::Word(word) if self.inside && ends_select(word) => return Step::Done,
                Token::SemiColon if self.inside => return Step::Done,
                Token::Comma if self.inside => {
                    self.end_item();
                    self.comma_line = line;
                    return Step::More;
                }
                _ => {}
            }
        }
        if self.inside {
            let name = match &token.token {
                Token::Word(word) if self.depth == 0 => Some(folded(word)),
                _ => None,
            };
            self.item = Some((name, line));
        }
        Step::More
    }

    fn comment(&mut self, text: &str, line: u64) {
        match &self.item {
            Some((_, last)) if *last == line => self.pending_comment = Some(text.to_owned()),
            None if self.comma_line == line => {
                if let Some(Some(column)) = self.columns.last_mut() {
                    text.clone_into(&mut column.description);
                }
            }
            _ => {}
        }
    }

    fn end_item(&mut self) {
        let Some((name, _)) = self.item.take() else {
            return;
        };
        let description = self.pending_comment.take().unwrap_or_default();
        self.columns
            .push(name.map(|name| ColumnDoc { name, description }));
    }
}

fn ends_select(word: &Word) -> bool {
    matches!(
        word.keyword,
        Keyword::FROM
            | Keyword::WHERE
            | Keyword::UNION
            | Keyword::INTERSECT
            | Keyword::EXCEPT
            | Keyword::ORDER
            | Keyword::LIMIT
    ) && word.quote_style.is_none()
}

fn folded(word: &Word) -> String {
    match word.quote_style {
        Some(_) => word.value.clone(),
        None => word.value.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs(sql: &str) -> String {
        let docs = final_columns(sql);
        let line = |c: &ColumnDoc| format!("{}: {}\n", c.name, c.description);
        docs.iter().map(line).collect()
    }

    #[test]
    fn comments_belong_to_the_column_that_ends_on_their_line() {
        let sql = "with a as (\n    select x, -- inner\n from t\n)\n\
                   select\n    month, -- first day\n    a.users,   -- different users\n\
                   \x20   -- a remark of its own\n\
                   \x20   rank() over (\n        partition by month\n    ) as place, -- 1 is first\n\
                   \x20   count(*) as \"Rows\" -- all\nfrom a";
        assert_eq!(
            docs(sql),
            "month: first day\nusers: different users\nplace: 1 is first\nRows: all\n"
        );
    }

    #[test]
    fn columns_without_a_name_are_left_out() {
        assert_eq!(docs("select *, count(*), a from t"), "a: \n");
    }

    #[test]
    fn a_union_is_described_by_its_first_select() {
        assert_eq!(
            docs("select a -- one\nunion all\nselect b -- two\n"),
            "a: one\n"
        );
    }
}
