//! Lineage as a drawing: SVG, in columns from what lands to what answers.

use std::collections::BTreeMap;

use super::html::escaped;
use super::lineage::{Lineage, Node};

const BOX_WIDTH: usize = 250;
const BOX_HEIGHT: usize = 24;
const GAP_ACROSS: usize = 70;
const GAP_DOWN: usize = 8;

/// Draws `lineage`; `here` is drawn bold. Boxes lead to the table's section.
pub(super) fn svg(lineage: &Lineage, here: Option<&Node>) -> String {
    let columns = columns(lineage);
    let mut places: BTreeMap<&Node, (usize, usize)> = BTreeMap::new();
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    for (x, column) in columns.iter().enumerate() {
        let top = (tallest - column.len()) * (BOX_HEIGHT + GAP_DOWN) / 2;
        for (y, node) in column.iter().enumerate() {
            let place = (
                x * (BOX_WIDTH + GAP_ACROSS),
                top + y * (BOX_HEIGHT + GAP_DOWN),
            );
            places.insert(node, place);
        }
    }
    let width =
        columns.len() * (BOX_WIDTH + GAP_ACROSS) - GAP_ACROSS.min(columns.len() * GAP_ACROSS);
    let height = tallest * (BOX_HEIGHT + GAP_DOWN);
    let mut drawing = format!(
        "<svg class=\"lineage\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"who reads whom\">\n"
    );
    for (input, reader) in lineage.edges() {
        if let (Some(from), Some(to)) = (places.get(input), places.get(reader)) {
            drawing.push_str(&edge(input, reader, *from, *to));
        }
    }
    for (node, (x, y)) in &places {
        let class = match here {
            Some(here) if here == *node => " here",
            _ => "",
        };
        let name = escaped(&node.to_string());
        drawing.push_str(&format!(
            "<a href=\"#{name}\" data-node=\"{name}\"><rect class=\"{}{class}\" x=\"{x}\" y=\"{y}\" \
             width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"4\"/>\
             <text x=\"{}\" y=\"{}\">{}</text><title>{name}</title></a>\n",
            node.layer(),
            x + 8,
            y + 16,
            escaped(&shortened(&node.to_string())),
        ));
    }
    drawing.push_str("</svg>\n");
    drawing
}

fn edge(input: &Node, reader: &Node, from: (usize, usize), to: (usize, usize)) -> String {
    let (x1, y1) = (from.0 + BOX_WIDTH, from.1 + BOX_HEIGHT / 2);
    let (x2, y2) = (to.0, to.1 + BOX_HEIGHT / 2);
    let bend = GAP_ACROSS / 2;
    format!(
        "<path d=\"M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}\" data-from=\"{}\" data-to=\"{}\"/>\n",
        x1 + bend,
        x2 - bend,
        escaped(&input.to_string()),
        escaped(&reader.to_string()),
    )
}

/// The nodes in columns, each to the right of everything it reads; within a
/// column near to what they are connected with.
fn columns(lineage: &Lineage) -> Vec<Vec<&Node>> {
    let mut depths: BTreeMap<&Node, usize> = lineage.nodes().map(|n| (n, 0)).collect();
    // Reading never goes round in circles, so each round settles one column.
    loop {
        let mut moved = false;
        for (input, reader) in lineage.edges() {
            let after = depths.get(input).map_or(0, |d| d + 1);
            if let Some(depth) = depths.get_mut(reader)
                && *depth < after
            {
                *depth = after;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let deepest = depths.values().max().map_or(0, |d| d + 1);
    let mut columns: Vec<Vec<&Node>> = vec![Vec::new(); deepest];
    for (node, depth) in depths {
        columns[depth].push(node);
    }
    for x in 1..columns.len() {
        let places: BTreeMap<&Node, usize> = columns[..x]
            .iter()
            .flat_map(|column| column.iter().enumerate().map(|(y, node)| (*node, y)))
            .collect();
        // A thousandth of a box is fine enough to order by.
        let pull = |node: &Node| {
            let inputs: Vec<usize> = lineage
                .inputs(node)
                .filter_map(|n| places.get(n))
                .copied()
                .collect();
            1_000 * inputs.iter().sum::<usize>() / inputs.len().max(1)
        };
        columns[x].sort_by_cached_key(|node| (pull(node), (*node).clone()));
    }
    columns
}

fn shortened(name: &str) -> String {
    const MOST: usize = 36;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    let kept: String = name.chars().take(MOST - 1).collect();
    format!("{kept}…")
}
