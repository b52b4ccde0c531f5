//! Where one statement ends and the next begins.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Token, Tokenizer};

/// A text cut at its semicolons; those in quotes and comments do not count.
#[derive(Debug, PartialEq, Eq)]
pub struct Statements<'a> {
    /// What ends with a semicolon, without it; never blank.
    pub whole: Vec<&'a str>,
    /// What comes after the last semicolon.
    pub rest: &'a str,
    /// Whether the rest holds more than blanks and comments.
    pub open: bool,
}

impl<'a> Statements<'a> {
    /// Cuts `text`. A text with a quote or comment that does not end is open
    /// as a whole.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location() else {
            return Self {
                whole: Vec::new(),
                rest: text,
                open: true,
            };
        };
        let lines = line_starts(text);
        let (mut whole, mut start, mut open) = (Vec::new(), 0, false);
        for token in tokens {
            match token.token {
                Token::SemiColon => {
                    let end = offset(text, &lines, token.span.start);
                    if open {
                        whole.extend(text.get(start..end));
                    }
                    (start, open) = (end + 1, false);
                }
                Token::Whitespace(_) | Token::EOF => {}
                _ => open = true,
            }
        }
        Self {
            whole,
            rest: text.get(start..).unwrap_or_default(),
            open,
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(after).collect()
}

/// The byte at a tokenizer's place, which counts lines and characters from 1.
fn offset(text: &str, lines: &[usize], place: Location) -> usize {
    let number = |n: u64| usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX);
    let start = lines.get(number(place.line)).copied();
    let start = start.unwrap_or(text.len());
    let line = text.get(start..).unwrap_or_default();
    let column = line.char_indices().nth(number(place.column));
    column.map_or(text.len(), |(at, _)| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn semicolons_end_statements_but_not_in_quotes_and_comments() {
        let text = "select ';' as \"a;b\" -- one; two\n, 'é'; /* ; */ select 2;\n select";
        let cut = Statements::of(text);
        assert_eq!(
            cut.whole,
            [
                "select ';' as \"a;b\" -- one; two\n, 'é'",
                " /* ; */ select 2"
            ]
        );
        assert_eq!((cut.rest, cut.open), ("\n select", true));
    }

    #[test]
    fn blanks_and_comments_are_no_statement() {
        for text in ["", " \n", "-- nothing\n", ";;", "select 1; -- done"] {
            assert!(!Statements::of(text).open, "{text}");
        }
        assert!(Statements::of(";;").whole.is_empty());
    }

    #[test]
    fn what_does_not_end_is_open() {
        for text in [
            "select 'a;",
            "select /* ;",
            "select \"a;",
            "select $$ ;",
            "select 1",
        ] {
            assert!(Statements::of(text).open, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "[ a'\";\\-\n/*é]{0,40}") {
            let cut = Statements::of(&text);
            let kept = cut.whole.concat() + cut.rest;
            // Blanks and comments between two semicolons go with them.
            let code = |t: &str| t.replace([';', ' ', '\n'], "");
            if !text.contains(['-', '/']) {
                prop_assert_eq!(code(&kept), code(&text));
            }
        }
    }
}
