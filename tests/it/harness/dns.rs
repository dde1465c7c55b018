//! A DNS server on loopback: answers what the test put into it, and misbehaves on demand.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mail_auth::MessageAuthenticator;
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use mail_auth::hickory_resolver::proto::rr::rdata::{CNAME, TXT};
use mail_auth::hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::AbortHandle;

/// What the server does with a name, and with all names below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It does not answer.
    Silent,
    /// It says that it is broken.
    Broken,
    /// It points to itself.
    Loops,
    /// It answers another question.
    Lies,
}

/// The server. It ends with the test.
pub struct Dns {
    pub address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    questions: Arc<AtomicUsize>,
    tasks: [AbortHandle; 2],
}

#[derive(Default)]
struct Zone {
    texts: BTreeMap<String, String>,
    moods: BTreeMap<String, Mood>,
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The same port for datagrams and for connections, where both are free.
async fn bind() -> (UdpSocket, TcpListener) {
    loop {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()).await {
            return (socket, listener);
        }
    }
}

impl Dns {
    /// What asks this server.
    pub fn authenticator(&self) -> MessageAuthenticator {
        let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        for connection in &mut connections {
            connection.port = self.address.port();
        }
        let server = NameServerConfig::new(self.address.ip(), true, connections.into());
        let servers = ResolverConfig::from_name_servers(vec![server]);
        MessageAuthenticator::new(servers, ResolverOpts::default()).unwrap()
    }

    /// A server that knows no name.
    pub async fn start() -> Self {
        let (socket, listener) = bind().await;
        let address = socket.local_addr().unwrap();
        let (zone, questions) = (Arc::<Mutex<Zone>>::default(), Arc::<AtomicUsize>::default());
        let task = tokio::spawn({
            let (zone, questions) = (zone.clone(), questions.clone());
            async move {
                let mut buffer = [0; 4096];
                while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                    questions.fetch_add(1, Ordering::SeqCst);
                    let answer = zone.lock().unwrap().answer(&buffer[..length]);
                    if let Some(answer) = answer {
                        let _ = socket.send_to(&fitting(answer), client).await;
                    }
                }
            }
        });
        // For what does not fit into a datagram.
        let stream = tokio::spawn({
            let zone = zone.clone();
            async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let zone = zone.clone();
                    tokio::spawn(async move {
                        let length = stream.read_u16().await.ok()?;
                        let mut question = vec![0; usize::from(length)];
                        stream.read_exact(&mut question).await.ok()?;
                        let answer = zone.lock().unwrap().answer(&question)?;
                        stream.write_u16(u16::try_from(answer.len()).ok()?).await.ok()?;
                        stream.write_all(&answer).await.ok()
                    });
                }
            }
        });
        Self {
            address,
            zone,
            questions,
            tasks: [task.abort_handle(), stream.abort_handle()],
        }
    }

    /// Puts a TXT record there, in place of another one; none when it is empty.
    pub fn text(&self, name: &str, text: &str) {
        let mut zone = self.zone.lock().unwrap();
        zone.texts.remove(name);
        if !text.is_empty() {
            zone.texts.insert(name.to_owned(), text.to_owned());
        }
    }

    /// Misbehaves for a name and those below it.
    pub fn mood(&self, name: &str, mood: Mood) {
        self.zone.lock().unwrap().moods.insert(name.to_owned(), mood);
    }

    /// How often it was asked.
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

/// An answer that is too large for a datagram says so, and nothing else (RFC 1035, section 4.2.1).
fn fitting(answer: Vec<u8>) -> Vec<u8> {
    if answer.len() <= 1200 {
        return answer;
    }
    let mut short = Message::from_vec(&answer).unwrap();
    short.metadata.truncation = true;
    short.answers.clear();
    short.to_vec().unwrap()
}

impl Zone {
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?.clone();
        let name = query.name().to_utf8().trim_end_matches('.').to_ascii_lowercase();
        let mood = self
            .moods
            .iter()
            .find(|(domain, _)| name == **domain || name.ends_with(&format!(".{domain}")))
            .map(|(_, mood)| *mood);
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        let mut add = |data: RData| {
            answer.add_answer(Record::from_rdata(query.name().clone(), 300, data));
        };
        let known = match (mood, query.query_type()) {
            (Some(Mood::Silent), _) => return None,
            (Some(Mood::Broken), _) => {
                answer.metadata.response_code = ResponseCode::ServFail;
                return answer.to_vec().ok();
            }
            (Some(Mood::Loops), _) => {
                add(RData::CNAME(CNAME(query.name().clone())));
                true
            }
            (Some(Mood::Lies), _) => {
                answer.queries.clear();
                answer.add_query(question.queries.first()?.clone());
                answer.metadata.id = question.metadata.id.wrapping_add(1);
                let other = Name::from_ascii("other.example.").ok()?;
                let text = TXT::new(vec!["v=spf1 +all".into()]);
                answer.add_answer(Record::from_rdata(other, 300, RData::TXT(text)));
                return answer.to_vec().ok();
            }
            (None, RecordType::TXT) => match self.texts.get(&name) {
                Some(text) => {
                    let pieces = text.as_bytes().chunks(255);
                    let pieces = pieces.map(|piece| String::from_utf8_lossy(piece).into_owned());
                    add(RData::TXT(TXT::new(pieces.collect())));
                    true
                }
                None => false,
            },
            (None, _) => false,
        };
        if !known {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        answer.to_vec().ok()
    }
}
