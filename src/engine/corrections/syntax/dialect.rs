//! The SQL that is read: DataFusion's generic dialect, with the precedence that
//! PostgreSQL and DuckDB give to two operators.
//!
//! - `a is distinct from b and c` asks `(a is distinct from b) and c`; sqlparser
//!   0.62 takes all that follows for the second operand.
//! - `2 * 10 ^ 2` is 200: `^` is a power and binds before products. The generic
//!   dialect reads an exclusive or of bits.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// What is read here.
#[derive(Debug, Default)]
pub(in crate::engine) struct Sql;

const PLAIN: GenericDialect = GenericDialect;

/// Says of each syntax that the generic dialect says.
macro_rules! as_generic {
    ($($syntax:ident),+ $(,)?) => {
        $(fn $syntax(&self) -> bool {
            PLAIN.$syntax()
        })+
    };
}

impl Dialect for Sql {
    /// The parser asks for this type in places where there is no question below.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        PLAIN.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        PLAIN.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        PLAIN.is_identifier_part(ch)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Caret => PLAIN.prec_value(Precedence::MulDivModOp) + 5,
            other => PLAIN.prec_value(other),
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        _: u8,
    ) -> Option<Result<Expr, ParserError>> {
        if *parser.peek_token_ref() == Token::Caret {
            parser.advance_token();
            let right = parser.parse_subexpr(self.prec_value(Precedence::Caret));
            return Some(right.map(|right| call("power", vec![left.clone(), right])));
        }
        let is = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
        let is_not = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
        let differs = parser.parse_keywords(&is);
        if !differs && !parser.parse_keywords(&is_not) {
            return None;
        }
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        let left = Box::new(left.clone());
        Some(right.map(|right| match differs {
            true => Expr::IsDistinctFrom(left, Box::new(right)),
            false => Expr::IsNotDistinctFrom(left, Box::new(right)),
        }))
    }

    // `select from t` is left out: a row without columns answers nothing.
    as_generic![
        allow_extract_custom,
        allow_extract_single_quotes,
        support_map_literal_syntax,
        supports_array_join_syntax,
        supports_array_typedef_with_brackets,
        supports_asc_desc_in_column_definition,
        supports_bitwise_shift_operators,
        supports_comma_separated_set_assignments,
        supports_comma_separated_trim,
        supports_comment_on,
        supports_comment_optimizer_hint,
        supports_connect_by,
        supports_constraint_keyword_without_name,
        supports_create_index_with_clause,
        supports_create_view_comment_syntax,
        supports_cte_without_as,
        supports_data_type_signed_suffix,
        supports_detach,
        supports_dictionary_syntax,
        supports_explain_with_utility_options,
        supports_extract_comma_syntax,
        supports_filter_during_aggregation,
        supports_from_first_select,
        supports_group_by_expr,
        supports_group_by_with_modifier,
        supports_install,
        supports_interpolate,
        supports_interval_options,
        supports_key_column_option,
        supports_left_associative_joins_without_parens,
        supports_limit_by,
        supports_limit_comma,
        supports_load_extension,
        supports_match_against,
        supports_match_recognize,
        supports_multiline_comment_hints,
        supports_named_fn_args_with_assignment_operator,
        supports_nested_comments,
        supports_optimize_table,
        supports_parenthesized_set_variables,
        supports_parens_around_table_factor,
        supports_partition_by_after_order_by,
        supports_pipe_operator,
        supports_prewhere,
        supports_projection_trailing_commas,
        supports_quote_delimited_string,
        supports_select_format,
        supports_select_item_multi_column_alias,
        supports_select_wildcard_except,
        supports_select_wildcard_exclude,
        supports_select_wildcard_ilike,
        supports_select_wildcard_rename,
        supports_select_wildcard_replace,
        supports_set_names,
        supports_settings,
        supports_start_transaction_modifier,
        supports_string_escape_constant,
        supports_struct_literal,
        supports_try_convert,
        supports_unicode_string_literal,
        supports_update_order_by,
        supports_user_host_grantee,
        supports_values_as_table_factor,
        supports_window_clause_named_window_reference,
        supports_window_function_null_treatment_arg,
        supports_with_fill,
        supports_xml_expressions,
    ];
}

/// `name(arguments)`.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let arguments = arguments.into_iter();
    let args = arguments.map(|value| FunctionArg::Unnamed(FunctionArgExpr::Expr(value)));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        let parser = Parser::new(&Sql).try_with_sql(text).unwrap();
        let mut parser = parser;
        parser.parse_expr().unwrap().to_string()
    }

    #[test]
    fn operators_bind_as_elsewhere() {
        for (text, meant) in [
            ("a is distinct from b and c", "(a is distinct from b) and c"),
            (
                "a is not distinct from b or c",
                "(a is not distinct from b) or c",
            ),
            (
                "x and a is distinct from b or c",
                "(x and a is distinct from b) or c",
            ),
            ("a is distinct from b + 1", "a is distinct from (b + 1)"),
            ("a is distinct from b = c", "a is distinct from (b = c)"),
            (
                "not a is distinct from b and c",
                "(not (a is distinct from b)) and c",
            ),
            (
                "a is distinct from b is null",
                "(a is distinct from b) is null",
            ),
        ] {
            let tree = |text: &str| {
                let mut parser = Parser::new(&Sql).try_with_sql(text).unwrap();
                without_parens(parser.parse_expr().unwrap())
            };
            assert_eq!(tree(text), tree(meant), "{text}");
        }
        assert_eq!(parsed("2 * 10 ^ 2"), "2 * power(10, 2)");
        assert_eq!(parsed("2 ^ 3 ^ 2"), "power(power(2, 3), 2)");
        assert_eq!(parsed("a is not null and b"), "a IS NOT NULL AND b");
    }

    fn without_parens(expr: Expr) -> Expr {
        match expr {
            Expr::Nested(inner) => without_parens(*inner),
            Expr::BinaryOp { left, op, right } => Expr::BinaryOp {
                left: Box::new(without_parens(*left)),
                op,
                right: Box::new(without_parens(*right)),
            },
            Expr::IsDistinctFrom(left, right) => Expr::IsDistinctFrom(
                Box::new(without_parens(*left)),
                Box::new(without_parens(*right)),
            ),
            Expr::IsNotDistinctFrom(left, right) => Expr::IsNotDistinctFrom(
                Box::new(without_parens(*left)),
                Box::new(without_parens(*right)),
            ),
            Expr::IsNull(inner) => Expr::IsNull(Box::new(without_parens(*inner))),
            Expr::UnaryOp { op, expr } => Expr::UnaryOp {
                op,
                expr: Box::new(without_parens(*expr)),
            },
            other => other,
        }
    }
}
