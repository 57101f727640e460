//! An SMTP server of the test: it takes mails, refuses them for a while, or hangs up.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// 451 to the recipient.
    Defers,
    /// 550 to the recipient, who is named.
    Refuses,
    /// Closes the connection after DATA.
    HangsUp,
}

#[derive(Clone)]
pub(crate) struct Mailbox {
    pub(crate) port: u16,
    pub(crate) mails: Arc<Mutex<Vec<String>>>,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    pub(crate) mood: Arc<Mutex<Mood>>,
}

impl Mailbox {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailbox = Self {
            port: listener.local_addr().unwrap().port(),
            mails: Arc::default(),
            said: Arc::default(),
            mood: Arc::new(Mutex::new(Mood::Takes)),
        };
        let server = mailbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        mailbox
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 mail.test ESMTP\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            self.said.lock().unwrap().push(line.clone());
            let mood = *self.mood.lock().unwrap();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let answer = match verb.as_str() {
                "EHLO" => "250-mail.test\r\n250-SIZE 1000000\r\n250 AUTH LOGIN PLAIN",
                "AUTH" => "235 welcome",
                "RCPT" if line.contains("gone@") => "550 5.1.1 <gone@shop.example> is unknown",
                "RCPT" if line.contains("moved@") => "251 it goes on to elsewhere",
                "RCPT" if mood == Mood::Defers => "451 try later",
                "RCPT" if mood == Mood::Refuses => "550 5.1.1 <owner@shop.example> is unknown",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    let mut mail = String::new();
                    loop {
                        let line = lines.next_line().await.ok()??;
                        if line == "." {
                            break;
                        }
                        mail.push_str(&line);
                        mail.push('\n');
                    }
                    if mood == Mood::HangsUp {
                        return None;
                    }
                    self.mails.lock().unwrap().push(mail);
                    "250 taken"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
        Some(())
    }
}
