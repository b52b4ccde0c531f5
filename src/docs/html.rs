//! The dictionary as one self-contained page: no other file, no network.

use super::drawing::svg;
use super::{Column, Dictionary, LAYERS, Node, Question, Table};
use crate::model::TableName;

/// The whole dictionary as one HTML page with search and drawings.
#[must_use]
pub fn html(dictionary: &Dictionary) -> String {
    let mut navigation = String::new();
    let mut sections = String::new();
    for (layer, title) in LAYERS {
        let tables: Vec<_> = dictionary.layer(layer).collect();
        if tables.is_empty() {
            continue;
        }
        navigation.push_str(&format!("<h2>{title}</h2>\n<ul>\n"));
        for (name, table) in tables {
            navigation.push_str(&link(&name.to_string()));
            sections.push_str(&table_section(dictionary, name, table));
        }
        navigation.push_str("</ul>\n");
    }
    for (title, layer, questions) in [
        ("Reports", "reports", &dictionary.reports),
        ("Checks", "checks", &dictionary.checks),
    ] {
        if questions.is_empty() {
            continue;
        }
        navigation.push_str(&format!("<h2>{title}</h2>\n<ul>\n"));
        for question in questions {
            let name = format!("{layer}.{}", question.name);
            navigation.push_str(&link(&name));
            sections.push_str(&question_section(&name, question));
        }
        navigation.push_str("</ul>\n");
    }
    let about = match dictionary.snapshot {
        Some(snapshot) => format!("Row counts are those of snapshot {snapshot}."),
        None => "Nothing is published yet.".to_owned(),
    };
    include_str!("page.html")
        .replace("{style}", include_str!("page.css"))
        .replace("{script}", include_str!("page.js"))
        .replace("{about}", &about)
        .replace("{navigation}", &navigation)
        .replace("{drawing}", &svg(&dictionary.lineage.tables(), None))
        .replace("{sections}", &sections)
}

fn link(name: &str) -> String {
    let name = escaped(name);
    format!("<li data-name=\"{name}\"><a href=\"#{name}\">{name}</a></li>\n")
}

fn table_section(dictionary: &Dictionary, name: &TableName, table: &Table) -> String {
    let node = Node::Table(name.clone());
    let mut section = begin(
        &name.to_string(),
        table.kind,
        &table.sentence,
        &table.description,
    );
    section.push_str("<dl>\n");
    for (key, value) in &table.facts {
        section.push_str(&format!("<dt>{key}</dt><dd>{}</dd>\n", escaped(value)));
    }
    section.push_str("</dl>\n");
    section.push_str(&columns(&table.columns));
    if !table.checks.is_empty() {
        section.push_str("<h4>Checks</h4>\n<ul>\n");
        for check in &table.checks {
            section.push_str(&format!("<li><code>{}</code></li>\n", escaped(check)));
        }
        section.push_str("</ul>\n");
    }
    let beside = dictionary.lineage.beside(&node);
    if beside.nodes().count() > 1 {
        section.push_str("<h4>Lineage</h4>\n<div class=\"drawing\">\n");
        section.push_str(&svg(&beside, Some(&node)));
        section.push_str("</div>\n");
    }
    section.push_str("</section>\n");
    section
}

fn question_section(name: &str, question: &Question) -> String {
    let kind = match question.is_warning {
        true => "warning",
        false => "",
    };
    let mut section = begin(name, kind, &question.sentence, &question.description);
    section.push_str("<dl>\n");
    let reads = question.reads.iter().map(|table| {
        let table = escaped(&table.to_string());
        format!("<a href=\"#{table}\">{table}</a>")
    });
    let reads: Vec<String> = reads.collect();
    section.push_str(&format!("<dt>reads</dt><dd>{}</dd>\n", reads.join(", ")));
    for param in &question.params {
        section.push_str(&format!(
            "<dt>parameter</dt><dd><code>{}</code></dd>\n",
            escaped(param)
        ));
    }
    section.push_str("</dl>\n");
    section.push_str(&columns(&question.columns));
    section.push_str("</section>\n");
    section
}

fn begin(name: &str, kind: &str, sentence: &str, description: &str) -> String {
    let shown = escaped(name);
    let mut section = format!("<section id=\"{shown}\">\n<h3>{shown} <small>{kind}</small></h3>\n");
    section.push_str(&format!("<p class=\"sentence\">{}</p>\n", prose(sentence)));
    for paragraph in description.split("\n\n").filter(|p| !p.is_empty()) {
        section.push_str(&format!("<p>{}</p>\n", prose(paragraph)));
    }
    section
}

fn columns(columns: &[Column]) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let mut rows = "<table>\n<thead><tr><th>column</th><th>type</th><th>description</th></tr></thead>\n<tbody>\n".to_owned();
    for column in columns {
        rows.push_str(&format!(
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n",
            escaped(&column.name),
            escaped(&column.sql_type),
            prose(&column.description)
        ));
    }
    rows.push_str("</tbody>\n</table>\n");
    rows
}

/// Text with `code` in backticks shown as code.
fn prose(text: &str) -> String {
    let mut shown = String::new();
    for (i, part) in escaped(text).split('`').enumerate() {
        match i % 2 {
            0 => shown.push_str(part),
            _ => shown.push_str(&format!("<code>{part}</code>")),
        }
    }
    shown
}

/// Text that HTML shows as it stands, also inside quotes.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
