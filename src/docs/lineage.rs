//! Who reads whom: tables, reports and checks as a graph, and as text.

use std::collections::{BTreeMap, BTreeSet};

use crate::lake::Snapshot;
use crate::model::{Project, TableName};

/// Who reads whom. Edges lead from what is read to what reads it.
#[derive(Debug, Default, Clone)]
pub struct Lineage {
    /// Every node with the nodes that it reads.
    reads: BTreeMap<Node, BTreeSet<Node>>,
}

/// A table or a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// A table.
    Table(TableName),
    /// A report of `queries/reports`.
    Report(String),
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table(name) => name.fmt(f),
            Self::Report(name) => write!(f, "reports.{name}"),
        }
    }
}

impl Node {
    /// `bronze`, `silver`, `gold`, `system` or `reports`.
    #[must_use]
    pub fn layer(&self) -> &str {
        match self {
            Self::Table(name) => &name.layer,
            Self::Report(_) => "reports",
        }
    }
}

impl Lineage {
    pub(super) fn of(project: &Project) -> Self {
        let mut lineage = Self::default();
        let table = |name: &TableName| Node::Table(name.clone());
        for source in project.source_tables() {
            lineage.reads.entry(Node::Table(source)).or_default();
        }
        for (name, model) in &project.models {
            let inputs = model.statement.inputs.iter().map(|i| table(&i.table));
            lineage.reads.insert(table(name), inputs.collect());
        }
        for report in project.reports.values() {
            let inputs = report.inputs.iter().map(table).collect();
            let node = Node::Report(report.name.clone());
            lineage.reads.insert(node, inputs);
        }
        // What the lake knows of itself is read too, and built from nothing.
        lineage.with_what_is_read()
    }

    /// What the tables of a snapshot were built from; it keeps no reports.
    #[must_use]
    pub fn at(snapshot: &Snapshot) -> Self {
        let table = |name: &TableName| Node::Table(name.clone());
        let tables = snapshot.tables.iter();
        let built = tables.map(|(name, e)| (table(name), e.inputs.keys().map(table).collect()));
        let reads = built.collect();
        Self { reads }.with_what_is_read()
    }

    fn with_what_is_read(mut self) -> Self {
        let read: Vec<Node> = self.reads.values().flatten().cloned().collect();
        for node in read {
            self.reads.entry(node).or_default();
        }
        self
    }

    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.reads.keys()
    }

    /// Every edge: what is read, and what reads it.
    pub fn edges(&self) -> impl Iterator<Item = (&Node, &Node)> {
        let edges = self.reads.iter();
        edges.flat_map(|(reader, inputs)| inputs.iter().map(move |input| (input, reader)))
    }

    /// What `node` reads, directly.
    pub fn inputs<'a>(&'a self, node: &Node) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.reads.get(node).into_iter().flatten()
    }

    /// What reads `node`, directly.
    pub fn readers<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Node> {
        let readers = self.reads.iter();
        readers.filter_map(move |(reader, inputs)| inputs.contains(node).then_some(reader))
    }

    /// The part of the graph that `node` is built from and that is built from
    /// it, with the node itself.
    #[must_use]
    pub fn around(&self, node: &Node) -> Self {
        let mut kept = BTreeSet::from([node.clone()]);
        let mut todo = vec![node.clone()];
        while let Some(next) = todo.pop() {
            let new = self.inputs(&next).filter(|n| kept.insert((*n).clone()));
            todo.extend(new.cloned().collect::<Vec<_>>());
        }
        let mut todo = vec![node.clone()];
        while let Some(next) = todo.pop() {
            let new = self.readers(&next).filter(|n| kept.insert((*n).clone()));
            todo.extend(new.cloned().collect::<Vec<_>>());
        }
        self.only(&kept)
    }

    /// `node` with what it reads and what reads it, directly.
    #[must_use]
    pub fn beside(&self, node: &Node) -> Self {
        let mut reads = BTreeMap::new();
        for input in self.inputs(node) {
            reads.insert(input.clone(), BTreeSet::new());
        }
        for reader in self.readers(node) {
            reads.insert(reader.clone(), BTreeSet::from([node.clone()]));
        }
        reads.insert(node.clone(), self.inputs(node).cloned().collect());
        Self { reads }
    }

    /// The graph without reports.
    #[must_use]
    pub fn tables(&self) -> Self {
        let tables = self.nodes().filter(|n| matches!(n, Node::Table(_)));
        self.only(&tables.cloned().collect())
    }

    fn only(&self, kept: &BTreeSet<Node>) -> Self {
        let nodes = self.reads.iter().filter(|(node, _)| kept.contains(node));
        let reads = nodes.map(|(node, inputs)| {
            let inputs = inputs.intersection(kept).cloned().collect();
            (node.clone(), inputs)
        });
        Self {
            reads: reads.collect(),
        }
    }

    /// As a flowchart in Mermaid.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = "flowchart LR\n".to_owned();
        for node in self.nodes() {
            text.push_str(&format!("    {}[\"{node}\"]\n", mermaid_id(node)));
        }
        for (input, reader) in self.edges() {
            let edge = format!("    {} --> {}\n", mermaid_id(input), mermaid_id(reader));
            text.push_str(&edge);
        }
        text
    }

    /// As a directed graph in the DOT language.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut text = "digraph lineage {\n    rankdir=LR;\n    node [shape=box];\n".to_owned();
        for node in self.nodes() {
            text.push_str(&format!("    \"{node}\";\n"));
        }
        for (input, reader) in self.edges() {
            text.push_str(&format!("    \"{input}\" -> \"{reader}\";\n"));
        }
        text.push_str("}\n");
        text
    }
}

fn mermaid_id(node: &Node) -> String {
    node.to_string().replace(['.', '-'], "_")
}
