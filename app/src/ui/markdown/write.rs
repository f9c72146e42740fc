//! From the parser's events to HTML. Every tag and attribute that can ever come out stands in this file, in `code` or
//! in `link`.

use super::{code::Code, escape, link};
use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Tag};

/// Elements within elements; deeper ones lose their tags and keep their text. Browsers stop at 512.
const DEPTH_MAX: usize = 48;

/// Writes all `events`.
pub(super) fn write<'a>(events: impl Iterator<Item = Event<'a>>, out: &mut String) {
    let mut writer = Writer { out, open: Vec::new(), links: 0, code: None, columns: Vec::new(), column: 0, item: None };
    for event in events {
        writer.event(event);
    }
}

struct Writer<'o> {
    out: &'o mut String,
    /// What closes each open element.
    open: Vec<Close>,
    /// How many links are open: a second one within the first would be cut out by the browser.
    links: usize,
    code: Option<Code>,
    columns: Vec<Alignment>,
    column: usize,
    /// Where the class of the list item that was just opened goes.
    item: Option<usize>,
}

#[derive(Clone, Copy)]
enum Close {
    Nothing,
    With(&'static str),
    Link,
    Code,
    /// The head of a table ends and its body begins.
    Head,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => {
                self.out.push_str("<code>");
                escape(&text, self.out);
                self.out.push_str("</code>");
            }
            Event::Html(text) | Event::InlineHtml(text) => self.raw(&text),
            // A chat is not typeset: who ends a line means it.
            Event::SoftBreak | Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::TaskListMarker(done) => self.task(done),
            // Not enabled in `options`; their text would still be text.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                escape(&text, self.out);
            }
        }
    }

    fn text(&mut self, text: &str) {
        match &mut self.code {
            Some(code) => code.lines(text, self.out),
            None if self.links > 0 => escape(text, self.out),
            None => link::text_with_links(text, self.out),
        }
    }

    /// Raw HTML is text, but for the line break that models put into table cells.
    fn raw(&mut self, text: &str) {
        if matches!(text, "<br>" | "<br/>" | "<br />") { self.out.push_str("<br>") } else { escape(text, self.out) }
    }

    fn task(&mut self, done: bool) {
        if let Some(at) = self.item.take() {
            self.out.insert_str(at, " class=\"task\"");
        }
        self.out.push_str(if done {
            "<span class=\"box done\" role=\"img\" aria-label=\"Done\"></span>"
        } else {
            "<span class=\"box\" role=\"img\" aria-label=\"To do\"></span>"
        });
    }

    fn start(&mut self, tag: Tag<'_>) {
        if self.open.len() >= DEPTH_MAX {
            self.open.push(Close::Nothing);
            return;
        }
        let close = match tag {
            Tag::Paragraph => self.element("<p>", "</p>"),
            Tag::Heading { level, .. } => self.heading(level),
            Tag::BlockQuote(_) => self.element("<blockquote>", "</blockquote>"),
            Tag::CodeBlock(kind) => {
                let info = if let CodeBlockKind::Fenced(info) = &kind { info } else { "" };
                self.code = Some(Code::open(info, self.out));
                Close::Code
            }
            Tag::HtmlBlock => self.element("<p class=\"raw\">", "</p>"),
            Tag::List(None) => self.element("<ul>", "</ul>"),
            Tag::List(Some(1)) => self.element("<ol>", "</ol>"),
            Tag::List(Some(first)) => {
                for piece in ["<ol start=\"", &first.to_string(), "\">"] {
                    self.out.push_str(piece);
                }
                Close::With("</ol>")
            }
            Tag::Item => {
                let close = self.element("<li>", "</li>");
                self.item = Some(self.out.len() - 1);
                close
            }
            Tag::Table(columns) => {
                self.columns = columns;
                self.element("<div class=\"sheet\" tabindex=\"0\"><table>", "</tbody></table></div>")
            }
            Tag::TableHead => {
                self.column = 0;
                self.out.push_str("<thead><tr>");
                Close::Head
            }
            Tag::TableRow => {
                self.column = 0;
                self.element("<tr>", "</tr>")
            }
            Tag::TableCell => self.cell(),
            Tag::Emphasis => self.element("<em>", "</em>"),
            Tag::Strong => self.element("<strong>", "</strong>"),
            Tag::Strikethrough => self.element("<del>", "</del>"),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.link(&dest_url),
            Tag::Superscript
            | Tag::Subscript
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::MetadataBlock(_) => Close::Nothing,
        };
        self.open.push(close);
    }

    fn element(&mut self, open: &'static str, close: &'static str) -> Close {
        self.out.push_str(open);
        Close::With(close)
    }

    /// A message stands under the page's own two levels.
    fn heading(&mut self, level: HeadingLevel) -> Close {
        match level {
            HeadingLevel::H1 => self.element("<h3>", "</h3>"),
            HeadingLevel::H2 => self.element("<h4>", "</h4>"),
            HeadingLevel::H3 => self.element("<h5>", "</h5>"),
            HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => self.element("<h6>", "</h6>"),
        }
    }

    /// The parser gives every row as many cells as the table has columns.
    fn cell(&mut self) -> Close {
        let head = matches!(self.open.last(), Some(Close::Head));
        self.out.push_str(if head { "<th" } else { "<td" });
        self.out.push_str(match self.columns.get(self.column) {
            Some(Alignment::Right) => " class=\"right\">",
            Some(Alignment::Center) => " class=\"center\">",
            _ => ">",
        });
        self.column += 1;
        Close::With(if head { "</th>" } else { "</td>" })
    }

    fn link(&mut self, target: &str) -> Close {
        if self.links == 0 && link::open(target, self.out) {
            self.links += 1;
            Close::Link
        } else {
            Close::Nothing
        }
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Close::With(close)) => self.out.push_str(close),
            Some(Close::Link) => {
                self.links -= 1;
                self.out.push_str("</a>");
            }
            Some(Close::Code) => {
                self.code = None;
                Code::close(self.out);
            }
            Some(Close::Head) => self.out.push_str("</tr></thead><tbody>"),
            Some(Close::Nothing) | None => {}
        }
    }
}
