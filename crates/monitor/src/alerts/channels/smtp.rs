//! Handing a mail to an SMTP server (RFC 5321), over TLS (RFC 3207 and 8314) where it is not on this machine.
//!
//! Not the crate `lettre`: its TLS wants rustls' `logging`, which would build half of the dependencies anew
//! in another form, for a dialogue of eight lines.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use shoplake_core::alert::{Smtp, SmtpTls};
use shoplake_core::logs::KEPT;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Undelivered;

/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 64 << 10;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) async fn send(smtp: &Smtp, recipients: &[String], mail: &str) -> Result<(), Undelivered> {
    let tcp = TcpStream::connect((smtp.host.as_str(), smtp.port)).await.map_err(|error| lost(&error))?;
    let mut dialogue = match smtp.tls {
        SmtpTls::Implicit => Dialogue::begin(Box::new(secured(smtp, tcp).await?)).await?,
        SmtpTls::Off => Dialogue::begin(Box::new(tcp)).await?,
        SmtpTls::StartTls => start_tls(smtp, tcp).await?,
    };
    let offers = dialogue.hello().await?;
    if let Some((user, password)) = &smtp.login {
        dialogue.sign_in(&offers, user, &password.0).await?;
    }
    dialogue.say(&format!("MAIL FROM:<{}>", smtp.from), 250).await?;
    dialogue.address(recipients).await?;
    dialogue.say("DATA", 354).await?;
    // A line that begins with a dot must not end the mail.
    let mail: Vec<String> =
        mail.lines().map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() }).collect();
    dialogue.write(&format!("{}\r\n.", mail.join("\r\n"))).await?;
    dialogue.answer("the mail", 250).await?;
    // The mail is taken by now: whatever the farewell comes to changes nothing.
    let _ = dialogue.say("QUIT", 221).await;
    Ok(())
}

/// Turns a connection in the clear to TLS before anything is said.
async fn start_tls(smtp: &Smtp, tcp: TcpStream) -> Result<Dialogue, Undelivered> {
    let mut clear = Dialogue::begin(Box::new(tcp)).await?;
    let offers = clear.hello().await?;
    if !offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
        return Err(Undelivered::because(
            "the mail server does not offer STARTTLS; `tls: implicit` or `tls: off` say otherwise",
        ));
    }
    clear.say("STARTTLS", 220).await?;
    if !clear.stream.buffer().is_empty() {
        // Answers that came before TLS could be anybody's (CVE-2011-0411).
        return Err(Undelivered::because("the mail server spoke before TLS began"));
    }
    Ok(Dialogue { stream: BufReader::new(Box::new(secured(smtp, clear.stream.into_inner()).await?)) })
}

async fn secured<S: Stream>(smtp: &Smtp, stream: S) -> Result<tokio_rustls::client::TlsStream<S>, Undelivered> {
    let broken =
        |error: &dyn std::fmt::Display| Undelivered::because(format!("TLS with the mail server failed: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| broken(&error))?;
    let builder = match &smtp.ca {
        Some(path) => builder.with_root_certificates(stated(path).map_err(Undelivered::because)?),
        None => builder.with_platform_verifier().map_err(|error| broken(&error))?,
    };
    let config = builder.with_no_client_auth();
    let name = ServerName::try_from(smtp.host.clone()).map_err(|error| broken(&error))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| broken(&error))
}

/// The certificates of a file that shoplake.yml names.
fn stated(path: &Path) -> Result<RootCertStore, String> {
    let unreadable =
        |why: &dyn std::fmt::Display| format!("the certificates `{}` cannot be read: {why}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        roots.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if roots.is_empty() { Err(unreadable(&"it has none")) } else { Ok(roots) }
}

fn lost(error: &std::io::Error) -> Undelivered {
    Undelivered::because(format!("the mail server cannot be reached: {error}"))
}

struct Dialogue {
    stream: BufReader<Box<dyn Stream>>,
}

impl Dialogue {
    async fn begin(stream: Box<dyn Stream>) -> Result<Self, Undelivered> {
        let mut dialogue = Self { stream: BufReader::new(stream) };
        dialogue.answer("the greeting", 220).await?;
        Ok(dialogue)
    }

    /// What the server offers, one line each.
    async fn hello(&mut self) -> Result<Vec<String>, Undelivered> {
        self.say("EHLO shoplake.invalid", 250).await
    }

    async fn sign_in(&mut self, offers: &[String], user: &str, password: &str) -> Result<(), Undelivered> {
        let ways = offers.iter().find_map(|offer| offer.strip_prefix("AUTH ")).unwrap_or_default().to_uppercase();
        if ways.split_whitespace().any(|way| way == "PLAIN") {
            let credentials = STANDARD.encode(format!("\0{user}\0{password}"));
            self.secretly(&format!("AUTH PLAIN {credentials}"), 235).await?;
        } else if ways.split_whitespace().any(|way| way == "LOGIN") {
            self.secretly("AUTH LOGIN", 334).await?;
            self.secretly(&STANDARD.encode(user), 334).await?;
            self.secretly(&STANDARD.encode(password), 235).await?;
        } else {
            return Err(Undelivered::because("the mail server offers neither AUTH PLAIN nor AUTH LOGIN"));
        }
        Ok(())
    }

    /// Names who is to get the mail. One who is refused for good does not keep it from the others; where one is to
    /// be asked later, all are, so that nobody gets it twice.
    async fn address(&mut self, recipients: &[String]) -> Result<(), Undelivered> {
        let (mut taken, mut refused) = (0, None);
        for recipient in recipients {
            self.write(&format!("RCPT TO:<{recipient}>")).await?;
            let answer = self.read("RCPT").await?;
            match answer.code {
                // 251: the mail goes on to elsewhere (RFC 5321, 3.4).
                Some(250 | 251) => taken += 1,
                Some(500..600) => refused = Some(answer.unwanted("RCPT")),
                _ => return Err(answer.unwanted("RCPT")),
            }
        }
        match refused {
            Some(why) if taken == 0 => Err(why),
            Some(why) => {
                tracing::warn!(target: KEPT, why = why.for_log(), taken, "a mail does not reach all of its recipients");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Says a line and takes the answer, which must have this code.
    async fn say(&mut self, line: &str, wanted: u16) -> Result<Vec<String>, Undelivered> {
        let said = line.split(' ').next().unwrap_or_default().to_owned();
        self.write(line).await?;
        self.answer(&said, wanted).await
    }

    /// As [`Dialogue::say`], for lines that no error may repeat.
    async fn secretly(&mut self, line: &str, wanted: u16) -> Result<(), Undelivered> {
        self.write(line).await?;
        self.answer("the sign-in", wanted).await.map(drop)
    }

    async fn write(&mut self, line: &str) -> Result<(), Undelivered> {
        let line = format!("{line}\r\n");
        self.stream.write_all(line.as_bytes()).await.map_err(|error| lost(&error))?;
        self.stream.flush().await.map_err(|error| lost(&error))
    }

    async fn answer(&mut self, to: &str, wanted: u16) -> Result<Vec<String>, Undelivered> {
        let answer = self.read(to).await?;
        if answer.code == Some(wanted) { Ok(answer.lines) } else { Err(answer.unwanted(to)) }
    }

    async fn read(&mut self, to: &str) -> Result<Answer, Undelivered> {
        let mut lines = Vec::new();
        let mut left = (&mut self.stream).take(ANSWER_MAX);
        loop {
            let mut line = String::new();
            let read = left.read_line(&mut line).await.map_err(|error| lost(&error))?;
            if read == 0 {
                return Err(Undelivered::because(format!("the mail server hung up after {to}")));
            }
            let line = line.trim_end();
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|code| code.parse().ok());
                return Ok(Answer { code, lines, last: line.to_owned() });
            }
        }
    }
}

/// What the mail server answered.
struct Answer {
    /// The code of the last line.
    code: Option<u16>,
    /// The lines without their codes.
    lines: Vec<String>,
    /// The last line as it came.
    last: String,
}

impl Answer {
    /// That this is not what was hoped for.
    fn unwanted(&self, to: &str) -> Undelivered {
        let code = self.code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
        let for_log = Some(format!("the mail server answered {code} to {to}"));
        Undelivered { for_log, ..Undelivered::because(format!("the mail server answered `{}` to {to}", self.last)) }
    }
}
