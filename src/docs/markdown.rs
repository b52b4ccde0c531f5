//! The dictionary as one Markdown page.

use super::{Column, Dictionary, LAYERS, Node, Question, Table};
use crate::model::TableName;

/// The whole dictionary as Markdown, with drawings in Mermaid.
#[must_use]
pub fn markdown(dictionary: &Dictionary) -> String {
    let mut page = "# Data dictionary\n\n".to_owned();
    page.push_str(
        "Written by `cinelake docs` from the files in `queries/`; change those, not this page.\n",
    );
    if let Some(snapshot) = dictionary.snapshot {
        page.push_str(&format!("Row counts are those of snapshot {snapshot}.\n"));
    }
    for (layer, title) in LAYERS {
        let tables: Vec<_> = dictionary.layer(layer).collect();
        if tables.is_empty() {
            continue;
        }
        page.push_str(&format!("\n## {title}\n\n"));
        for (name, table) in &tables {
            page.push_str(&format!(
                "- [{name}](#{}): {}\n",
                anchor(&name.to_string()),
                text(&table.sentence)
            ));
        }
        for (name, table) in tables {
            page.push_str(&table_section(dictionary, name, table));
        }
    }
    page.push_str(&questions("Reports", &dictionary.reports));
    page.push_str(&questions("Checks", &dictionary.checks));
    page.push_str("\n## Lineage\n\n```mermaid\n");
    page.push_str(&dictionary.lineage.tables().mermaid());
    page.push_str("```\n");
    page
}

fn table_section(dictionary: &Dictionary, name: &TableName, table: &Table) -> String {
    let mut section = format!("\n### {name}\n\n{}\n", text(&table.sentence));
    if !table.description.is_empty() {
        section.push_str(&format!("\n{}\n", text(&table.description)));
    }
    section.push_str(&format!("\n- {}\n", table.kind));
    for (key, value) in &table.facts {
        let value = match *key {
            "file" | "files" => format!("`{value}`"),
            _ => text(value),
        };
        section.push_str(&format!("- {key}: {value}\n"));
    }
    let node = Node::Table(name.clone());
    let links = |nodes: Vec<&Node>| {
        let links = nodes
            .iter()
            .map(|n| format!("[{n}](#{})", anchor(&n.to_string())));
        links.collect::<Vec<_>>().join(", ")
    };
    let inputs: Vec<&Node> = dictionary.lineage.inputs(&node).collect();
    let readers: Vec<&Node> = dictionary.lineage.readers(&node).collect();
    for (key, nodes) in [("reads", inputs), ("read by", readers)] {
        if !nodes.is_empty() {
            section.push_str(&format!("- {key}: {}\n", links(nodes)));
        }
    }
    section.push_str(&columns(&table.columns));
    if !table.checks.is_empty() {
        section.push_str("\nChecks:\n\n");
        for check in &table.checks {
            section.push_str(&format!("- `{}`\n", check.replace('`', "'")));
        }
    }
    section
}

fn columns(columns: &[Column]) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let mut rows = "\n| column | type | description |\n|---|---|---|\n".to_owned();
    for column in columns {
        rows.push_str(&format!(
            "| {} | {} | {} |\n",
            text(&column.name),
            text(&column.sql_type),
            text(&column.description)
        ));
    }
    rows
}

fn questions(title: &str, questions: &[Question]) -> String {
    if questions.is_empty() {
        return String::new();
    }
    let mut page = format!("\n## {title}\n");
    for question in questions {
        // Anchors of reports are those that lineage links to.
        let heading = format!("{}.{}", title.to_lowercase(), question.name);
        page.push_str(&format!(
            "\n### {heading}\n\n{}\n",
            text(&question.sentence)
        ));
        if !question.description.is_empty() {
            page.push_str(&format!("\n{}\n", text(&question.description)));
        }
        let reads: Vec<String> = question.reads.iter().map(ToString::to_string).collect();
        page.push_str(&format!("\n- reads: {}\n", reads.join(", ")));
        for param in &question.params {
            page.push_str(&format!("- parameter: `{param}`\n"));
        }
        if question.is_warning {
            page.push_str("- a row it finds is a warning\n");
        }
        page.push_str(&columns(&question.columns));
    }
    page
}

/// The anchor that renderers give a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || "_- ".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Text that Markdown shows as it stands.
fn text(plain: &str) -> String {
    let mut shown = String::with_capacity(plain.len());
    let mut in_code = false;
    for c in plain.chars() {
        match c {
            '`' => in_code = !in_code,
            '|' => shown.push('\\'),
            '*' | '<' | '[' if !in_code => shown.push('\\'),
            _ => {}
        }
        shown.push(c);
    }
    shown
}
