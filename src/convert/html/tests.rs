//! The tree of markup as mail programs and attackers write it.

use super::{Node, Nodes, Tree};

/// A tree in short: `p(a b(c))`.
fn short(nodes: Nodes<'_>) -> String {
    let pieces = nodes.iter().map(|node| match node {
        Node::Text(text) => text.to_owned(),
        Node::Element(element) => format!("{}({})", element.name(), short(element.children())),
    });
    pieces.collect::<Vec<_>>().join(" ")
}

#[test]
fn elements_stand_where_a_browser_would_put_them() {
    for (markup, expected) in [
        ("<html><head><title>x</title></head><body>a</body></html>", "a"),
        ("<p>a<p>b", "p(a) p(b)"),
        ("<p>a<div>b</div></p>c", "p(a) div(b) c"),
        (
            "<ul><li>a<li>b<ul><li>c</ul></ul>d",
            "ul(li(a) li(b ul(li(c)))) d",
        ),
        (
            "<table><tr><td>a<td>b<tr><td>c</table>",
            "table(tr(td(a) td(b)) tr(td(c)))",
        ),
        ("<b>a<div>b</b>c</div>d", "b(a div(bc)) d"),
        ("a<br/>b</br>c", "a br() b br() c"),
        ("<a href=x>a<a href=y>b</a>c", "a(a) a(b) c"),
        // An end tag does not close what stands outside of its cell.
        (
            "<div><table><tr><td>a</div>b</td></tr></table>c</div>d",
            "div(table(tr(td(ab))) c) d",
        ),
        (
            "<table><tr><td><table></td></table>a</td></tr></table>b",
            "table(tr(td(table() a))) b",
        ),
        ("<li>a<ul></li>b</ul>", "li(a ul(b))"),
        // Outlook closes its empty paragraphs where they begin.
        ("<p>a<o:p/>b</p>c", "p(a o:p() b) c"),
        ("<svg/>a<svg><path d=x/><text>b</text></svg>c", "ac"),
        ("a<script>b<div></script>c<style>d</style>e", "ace"),
        ("<select><option>a</select>b<xml><o:x>c</o:x></xml>d", "bd"),
        ("a<!--[if mso]>b<![endif]-->c<![if !mso]>d<![endif]>", "acd"),
    ] {
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(short(Tree::parse(markup).nodes())), expected, "{markup}");
    }
}

#[test]
fn what_is_too_deep_stays_as_text_in_its_place() {
    let depth = 140;
    let markup = format!("{}a{}b<i>c</i>", "<div>".repeat(depth), "</div>".repeat(depth));
    let tree = Tree::parse(&markup);
    let mut levels = 0;
    let mut nodes = tree.nodes();
    while let Some(inner) = nodes.iter().find_map(Node::element).filter(|e| e.name() == "div") {
        levels += 1;
        nodes = inner.children();
    }
    assert_eq!((levels, short(nodes).as_str()), (100, "a"));
    assert!(
        short(tree.nodes()).ends_with(") b i(c)"),
        "the end tags of deep elements close only these"
    );
}

#[test]
fn what_does_not_fit_is_said() {
    assert!(!Tree::parse(&"<b>".repeat(50_000)).is_cut());
    assert!(Tree::parse(&"a<br>".repeat(60_000)).is_cut());
    assert!(Tree::parse(&"a".repeat(1_100_000)).is_cut());
    let attributes: String = (0..100_000).map(|number| format!(" a{number}=b")).collect();
    assert!(Tree::parse(&format!("a<p{attributes}>b")).is_cut());
    assert!(Tree::parse(&format!("a<p\n<p x='<'{attributes}>b")).is_cut());
    assert!(!Tree::parse(&format!("a<!-- <p{attributes}> -->b")).is_cut());
    assert!(!Tree::parse(&format!("<pre>{}", "a\n".repeat(100_000))).is_cut());
}

#[test]
fn a_text_is_put_before_everything_in_the_same_paragraph() {
    for (markup, expected) in [
        ("<p>a</p>", "p(x a)"),
        ("a", "x a"),
        ("<b>a</b>", "x b(a)"),
        ("", "x"),
    ] {
        let mut tree = Tree::parse(markup);
        tree.prepend_text("x");
        assert_eq!(short(tree.nodes()), expected);
    }
}
