//! The only way to stdout and stderr: data on stdout, words on stderr.
//!
//! Colours appear on a terminal only, never with `NO_COLOR` or `--no-color`; whatever is printed
//! here must be readable without them.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use anstream::{AutoStream, ColorChoice};
use indicatif::MultiProgress;
use owo_colors::OwoColorize;
use shoplake_core::Fault;

use crate::cli::GlobalArgs;
use crate::failure::Failure;
use crate::render;

/// Prints for one command.
#[derive(Clone)]
pub(crate) struct Printer {
    quiet: bool,
    colour: ColorChoice,
    /// Bars on the terminal step aside while words are printed.
    bars: MultiProgress,
}

impl Printer {
    /// A printer as the global options ask for.
    pub(crate) fn new(global: &GlobalArgs) -> Self {
        let colour = if global.no_color { ColorChoice::Never } else { ColorChoice::Auto };
        Self { quiet: global.quiet, colour, bars: MultiProgress::new() }
    }

    /// Standard output for text with colours, buffered: flush it, and map its errors with [`Failure::Output`].
    pub(crate) fn data(&self) -> BufWriter<AutoStream<Stdout>> {
        BufWriter::with_capacity(64 << 10, AutoStream::new(io::stdout(), self.colour))
    }

    /// Standard output for bytes that must arrive as they are, whatever they hold.
    pub(crate) fn raw_data(&self) -> BufWriter<Stdout> {
        BufWriter::with_capacity(64 << 10, io::stdout())
    }

    /// Prints a whole text as data.
    pub(crate) fn data_text(&self, text: &str) -> Result<(), Failure> {
        let mut out = self.data();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)
    }

    /// Prints words and a line end, unless the user wants quiet.
    pub(crate) fn say(&self, words: impl Display) {
        if !self.quiet {
            self.line(words);
        }
    }

    /// Prints a warning, however quiet it shall be.
    pub(crate) fn warn(&self, words: impl Display) {
        self.line(format_args!("{} {words}", "warning:".yellow().bold()));
    }

    /// Prints faults, a blank line between them, however quiet it shall be.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        let texts: Vec<String> = faults.iter().map(render::fault).collect();
        self.line(texts.join("\n\n"));
        if faults.len() > 1 {
            self.line(format_args!("\n{} mistakes found", faults.len()));
        }
    }

    /// Whether a person reads the data as it is printed.
    pub(crate) fn data_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// The bars, where somebody watches and wants to.
    pub(crate) fn bars(&self) -> Option<&MultiProgress> {
        (!self.quiet && io::stderr().is_terminal()).then_some(&self.bars)
    }

    /// Writes bytes that are lines already (the log's) past the bars.
    pub(crate) fn log(&self, bytes: &[u8]) -> io::Result<()> {
        self.bars.suspend(|| AutoStream::new(io::stderr(), self.colour).lock().write_all(bytes))
    }

    /// A closed stderr leaves nobody to tell, so errors end here.
    fn line(&self, words: impl Display) {
        let _ = self.log(format!("{words}\n").as_bytes());
    }
}
