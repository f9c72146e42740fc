//! Markdown that is still being written. A block that cannot change any more is rendered once and kept; only the open
//! tail is read again, and an open block of code not even that: its lines are appended.
//!
//! Why it is right: `CommonMark` decides blocks line by line and never reopens one, so when a later block has begun on a
//! whole line, all before it are final, but for one thing: a link reference definition (`[a]: https://…`) may stand
//! after its use. Accepted while it streams: such a link shows as text until [`Stream::finish`], which then renders the
//! whole once; and an unfinished line may look like another block than it becomes (`-` before `-- `, `**` before its
//! partner). After `finish` the result is [`super::render`] of the whole, to the byte.

use super::{code::Code, normalise, options, render_normal};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

/// A text that grows.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    source: String,
    after_cr: bool,
    blocks: Vec<String>,
    /// Bytes of `source` that `blocks` cover.
    settled: usize,
    /// Bytes of `source` that were looked through for blocks: whole lines.
    scanned: usize,
    fence: Option<Fence>,
    references: bool,
}

/// What may still change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// HTML of a block of code's opening and its whole lines so far, without what closes it: grows only at its end. Empty
    /// if the open end is another.
    pub code: &'a str,
    /// HTML of the rest: the code's line that is being written, or all of another open end.
    pub rest: String,
}

#[derive(Clone, Debug)]
struct Fence {
    mark: u8,
    length: usize,
    code: Code,
    html: String,
    /// Bytes of the source that `html` covers.
    at: usize,
}

impl Stream {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that starts with `text`, as a tab that joins late does.
    pub fn with(text: &str) -> Self {
        let mut stream = Self::new();
        stream.push(text);
        stream
    }

    /// Appends what was written since.
    pub fn push(&mut self, delta: &str) {
        self.after_cr = normalise(delta, self.after_cr, &mut self.source);
        loop {
            if self.fence.is_some() && !self.read_fence() {
                return;
            }
            if !self.settle() {
                return;
            }
        }
    }

    /// The finished blocks, in order: one never changes once it is here (but see [`Stream::finish`]).
    pub fn blocks(&self) -> &[String] {
        &self.blocks
    }

    /// What may still change, if anything is to be seen of it.
    pub fn open(&self) -> Option<Open<'_>> {
        let Some(fence) = &self.fence else {
            let rest = render_normal(&self.source[self.settled..]);
            return (!rest.is_empty()).then_some(Open { code: "", rest });
        };
        let mut rest = String::new();
        let line = &self.source[fence.at..];
        // What may become the closing fence is not shown as code for a moment.
        if !line.trim().bytes().all(|byte| byte == fence.mark) {
            fence.code.clone().line(line, &mut rest);
        }
        Some(Open { code: &fence.html, rest })
    }

    /// HTML of what may still change.
    pub fn tail(&self) -> String {
        let Some(Open { code, rest }) = self.open() else { return String::new() };
        let mut html = code.to_owned() + &rest;
        if !code.is_empty() {
            Code::close(&mut html);
        }
        html
    }

    /// All of it.
    pub fn html(&self) -> String {
        let mut html = self.blocks.concat();
        html.push_str(&self.tail());
        html
    }

    /// The text is whole. If it defines link references, its blocks are made anew, as one; says whether they were.
    pub fn finish(&mut self) -> bool {
        let anew = self.references || defines_references(&self.source[self.settled..]);
        if anew {
            self.blocks = vec![render_normal(&self.source)];
        } else if self.settled < self.source.len() {
            self.blocks.push(render_normal(&self.source[self.settled..]));
        }
        self.fence = None;
        self.settled = self.source.len();
        self.scanned = self.settled;
        anew
    }

    /// Settles all blocks but the last, as far as lines are whole. Says whether the last one is a fence that was begun.
    fn settle(&mut self) -> bool {
        let whole = self.source.rfind('\n').map_or(0, |at| at + 1);
        if whole <= self.scanned {
            return false;
        }
        self.scanned = whole;
        let tops = tops(&self.source[self.settled..whole]);
        self.references |= tops.references;
        let base = self.settled;
        for &start in tops.starts.iter().skip(1) {
            self.blocks.push(render_normal(&self.source[self.settled..base + start]));
            self.settled = base + start;
        }
        let last = base + tops.last;
        self.fence = tops.fence.and_then(|info| Fence::open(&self.source[last..whole], &info, last));
        self.fence.is_some()
    }

    /// Appends the fence's new lines. Says whether it was closed, and is a block now.
    fn read_fence(&mut self) -> bool {
        let Some(fence) = &mut self.fence else { return false };
        while let Some(length) = self.source[fence.at..].find('\n') {
            let line = &self.source[fence.at..=fence.at + length];
            fence.at += line.len();
            if fence.closes(line) {
                self.settled = fence.at;
                self.scanned = fence.at;
                let mut html = std::mem::take(&mut fence.html);
                Code::close(&mut html);
                self.blocks.push(html);
                self.fence = None;
                return true;
            }
            fence.code.line(line, &mut fence.html);
        }
        false
    }
}

impl Fence {
    /// Reads the fence's own line; `None` if it is indented, which the parser knows better how to take away.
    fn open(text: &str, info: &str, at: usize) -> Option<Self> {
        let line = text.split_inclusive('\n').next()?;
        let mark = line.bytes().next().filter(|mark| matches!(mark, b'`' | b'~'))?;
        let length = line.bytes().take_while(|&byte| byte == mark).count();
        let mut html = String::new();
        let code = Code::open(info, &mut html);
        Some(Self { mark, length, code, html, at: at + line.len() })
    }

    /// `CommonMark` 4.5: up to three blanks, at least as many marks as opened it, nothing else but blanks. A tab after
    /// them would close it by the letter, but the parser says otherwise, and both must say the same.
    fn closes(&self, line: &str) -> bool {
        let inner = line.trim_end_matches(['\n', ' ']);
        let marks = inner.trim_start_matches(' ');
        inner.len() - marks.len() <= 3 && marks.len() >= self.length && marks.bytes().all(|byte| byte == self.mark)
    }
}

struct Tops {
    /// Where each top-level block's first line starts; 0 for the first.
    starts: Vec<usize>,
    /// Where the last one's own first line starts.
    last: usize,
    /// The last one's info, if it is a fenced block of code.
    fence: Option<String>,
    references: bool,
}

fn tops(text: &str) -> Tops {
    let parser = Parser::new_ext(text, options());
    let references = parser.reference_definitions().iter().next().is_some();
    let mut tops = Tops { starts: Vec::new(), last: 0, fence: None, references };
    let mut depth = 0_usize;
    for (event, range) in parser.into_offset_iter() {
        if depth == 0 && matches!(event, Event::Start(_) | Event::Rule) {
            let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
            tops.starts.push(if tops.starts.is_empty() { 0 } else { line });
            tops.last = line;
            tops.fence = match &event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => Some(info.to_string()),
                _ => None,
            };
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    tops
}

fn defines_references(text: &str) -> bool {
    Parser::new_ext(text, options()).reference_definitions().iter().next().is_some()
}
