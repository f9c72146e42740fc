//! What a client hears without asking: that something it can read changed, came or went.
//!
//! One [`Changes`] serves a client's stream: `subscriptions/listen` of today's protocol, or the session of an older
//! client. Invariants: it says *that* something changed, never what; whether its person may read it is asked when the
//! client subscribes, and again before every word (by reading it in their name), so who was taken out of a room hears
//! nothing more. The hub only wakes it: what changed is read from the store, so a queue that overflowed loses nothing,
//! and a process beside the server's (a pipe) finds out by looking from time to time.

use super::{McpServer, resources::Subject};
use crate::{
    backend::{
        caller::Caller,
        hub::{Heard, Listener, Topic},
        store::{Store, StoreError},
        tools::prompts::SavedPrompts,
    },
    wire::{
        event::ChatEvent,
        id::{ConversationId, MessageId, Millis, Seq, UserId},
        limits,
        message::Status,
    },
};
use rmcp::{
    RoleServer,
    model::ResourceUpdatedNotificationParam,
    service::{Peer, SubscriptionSink},
};
use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, broadcast};

/// Messages read at a time to find out what changed.
const BATCH: u32 = 200;
/// Conversations that are known by heart; what is beyond is told of too often rather than not at all.
const KNOWN: usize = 10_000;

/// What a client wants to hear of.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Whether prompts came, went or changed.
    pub(super) prompts: bool,
    /// Whether resources came or went.
    pub(super) resources: bool,
    uris: Mutex<BTreeMap<String, (Subject, Seq)>>,
    changed: Notify,
}

impl Wanted {
    pub(super) fn new(prompts: bool, resources: bool) -> Self {
        Self { prompts, resources, ..Self::default() }
    }

    fn uris(&self) -> MutexGuard<'_, BTreeMap<String, (Subject, Seq)>> {
        self.uris.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Also changes of this address, from a point of its conversation's clock on; whether there was room.
    pub(super) fn add(&self, uri: &str, subject: Subject, from: Seq) -> bool {
        let mut uris = self.uris();
        if uris.len() >= limits::MCP_SUBSCRIPTIONS_MAX && !uris.contains_key(uri) {
            return false;
        }
        uris.insert(uri.to_owned(), (subject, from));
        drop(uris);
        self.changed.notify_one();
        true
    }

    /// No longer changes of this address.
    pub(super) fn remove(&self, uri: &str) {
        self.uris().remove(uri);
        self.changed.notify_one();
    }

    /// The conversations, each with the clock from which on it is followed.
    fn conversations(&self) -> HashMap<ConversationId, Seq> {
        let mut out = HashMap::new();
        for (subject, from) in self.uris().values() {
            if let Subject::Conversation(id, _) = subject {
                out.entry(*id).and_modify(|seq: &mut Seq| *seq = (*seq).min(*from)).or_insert(*from);
            }
        }
        out
    }

    /// The addresses that changed with these messages; with `all`, every one of the conversation itself.
    fn touched(&self, id: ConversationId, messages: &[MessageId], all: bool) -> Vec<String> {
        let changed = |subject: &Subject| match subject {
            Subject::Conversation(of, None) => *of == id && (all || !messages.is_empty()),
            Subject::Conversation(of, Some(message)) => *of == id && messages.contains(message),
            Subject::Still => false,
        };
        self.uris().iter().filter(|(_, (subject, _))| changed(subject)).map(|(uri, _)| uri.clone()).collect()
    }
}

/// Where a client hears it.
#[derive(Debug)]
pub(super) enum Mouth {
    /// The stream of one `subscriptions/listen`.
    Stream(SubscriptionSink),
    /// An older client's session.
    Session(Peer<RoleServer>),
}

impl Mouth {
    /// Whether the client is still there.
    async fn updated(&self, uri: String) -> bool {
        match self {
            Self::Stream(sink) => sink.notify_resource_updated(uri).await.is_ok(),
            Self::Session(peer) => {
                peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await.is_ok()
            }
        }
    }

    async fn resources(&self) -> bool {
        match self {
            Self::Stream(sink) => sink.notify_resource_list_changed().await.is_ok(),
            Self::Session(peer) => peer.notify_resource_list_changed().await.is_ok(),
        }
    }

    async fn prompts(&self) -> bool {
        match self {
            Self::Stream(sink) => sink.notify_prompt_list_changed().await.is_ok(),
            Self::Session(peer) => peer.notify_prompt_list_changed().await.is_ok(),
        }
    }
}

/// What waits for a stream to begin: listening starts before the client is told that it does.
#[derive(Debug)]
pub(super) struct Early {
    at: Millis,
    prompts: Option<broadcast::Receiver<UserId>>,
}

/// The client is gone.
struct Gone;

/// One client's stream of changes.
#[derive(Debug)]
pub(super) struct Changes {
    by: Caller,
    store: Store,
    saved: Option<SavedPrompts>,
    prompts: Option<broadcast::Receiver<UserId>>,
    listener: Listener,
    wanted: Arc<Wanted>,
    mouth: Mouth,
    since: Millis,
    look: Option<Duration>,
    /// Titles of the conversations that were there.
    rows: HashMap<ConversationId, u64>,
    /// How far each conversation that is followed was told of.
    told: HashMap<ConversationId, Seq>,
    /// What the prompts were like.
    texts: u64,
}

fn hash(it: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

impl McpServer {
    /// Begins to listen before it is known to whom.
    pub(super) fn early(&self) -> Early {
        Early { at: self.clock.now(), prompts: self.offer.prompts.as_ref().map(SavedPrompts::changes) }
    }

    /// A stream of changes for `by`.
    pub(super) fn changes(&self, by: Caller, wanted: Arc<Wanted>, mouth: Mouth, early: Early) -> Changes {
        Changes {
            by,
            store: self.store.clone(),
            saved: self.offer.prompts.clone(),
            prompts: early.prompts,
            listener: self.offer.hub.listen(),
            wanted,
            mouth,
            since: early.at,
            look: self.offer.look,
            rows: HashMap::new(),
            told: HashMap::new(),
            texts: 0,
        }
    }
}

impl Changes {
    /// Tells changes until the client is gone.
    pub(super) async fn run(mut self) {
        if let Err(Gone) = self.follow().await {
            tracing::debug!("a client that listened is gone");
        }
    }

    async fn follow(&mut self) -> Result<(), Gone> {
        self.begin().await?;
        loop {
            let look = async {
                match self.look {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            let prompts = async {
                match &mut self.prompts {
                    Some(prompts) => prompts.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.wanted.changed.notified() => self.adopt().await?,
                heard = self.listener.next() => match heard {
                    Heard::Event(_, event) => self.heard(&event).await?,
                    Heard::Lagged => self.look_at_all().await?,
                },
                whose = prompts => match whose {
                    Ok(user) if user != self.by.user => {}
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.prompts_changed().await?,
                    Err(broadcast::error::RecvError::Closed) => self.prompts = None,
                },
                () = look => self.look_at_all().await?,
            }
        }
    }

    /// Learns how things are; what changed since the client asked is told at once.
    async fn begin(&mut self) -> Result<(), Gone> {
        self.listener.subscribe(Topic::User(self.by.user));
        if self.wanted.resources {
            let newest = self.read_rows().await.unwrap_or_default();
            if newest >= self.since {
                still(self.mouth.resources().await)?;
            }
        }
        if self.wanted.prompts {
            self.texts = self.read_prompts().await.unwrap_or_default();
        }
        self.adopt().await?;
        for id in self.told.keys().copied().collect::<Vec<_>>() {
            let row = self.store.conversation(self.by.user, id).await;
            if row.is_ok_and(|row| row.summary.updated_at >= self.since) {
                self.tell(self.wanted.touched(id, &[], true)).await?;
            }
        }
        Ok(())
    }

    /// Follows the conversations that are wanted, and no others.
    async fn adopt(&mut self) -> Result<(), Gone> {
        let wanted = self.wanted.conversations();
        for id in self.told.keys().copied().filter(|id| !wanted.contains_key(id)).collect::<Vec<_>>() {
            self.told.remove(&id);
            self.listener.unsubscribe(Topic::Conversation(id));
        }
        for (id, from) in wanted {
            if !self.told.contains_key(&id) {
                self.listener.subscribe(Topic::Conversation(id));
                self.told.insert(id, from);
                // It may have gone on between the client's word and ours.
                self.look_at(id).await?;
            }
        }
        Ok(())
    }

    async fn heard(&mut self, event: &ChatEvent) -> Result<(), Gone> {
        match event {
            ChatEvent::Message { message } if message.status != Status::Pending => {
                self.look_at(message.conversation).await
            }
            ChatEvent::Conversation { summary } => {
                let title = hash(&summary.title);
                let renamed = self.rows.insert(summary.id, title).is_none_or(|was| was != title);
                if renamed && self.wanted.resources {
                    still(self.mouth.resources().await)?;
                }
                // Its title stands in its text.
                if renamed && self.told.contains_key(&summary.id) {
                    self.tell(self.wanted.touched(summary.id, &[], true)).await?;
                }
                Ok(())
            }
            ChatEvent::ConversationGone { conversation } => {
                let known = self.rows.remove(conversation).is_some() || self.rows.len() >= KNOWN;
                if known && self.wanted.resources { still(self.mouth.resources().await) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Finds out what is new in a conversation that is followed, in its person's name.
    async fn look_at(&mut self, id: ConversationId) -> Result<(), Gone> {
        let Some(mut told) = self.told.get(&id).copied() else { return Ok(()) };
        let mut messages = Vec::new();
        loop {
            // Not theirs any more: they hear nothing. Not readable just now: the next event or look finds it.
            let Ok(page) = self.store.since(self.by.user, id, told, BATCH).await else { return Ok(()) };
            messages.extend(page.items.iter().filter(|m| m.status != Status::Pending).map(|m| m.id));
            told = page.items.last().map_or(told, |last| last.seq);
            if !page.more {
                break;
            }
        }
        self.told.insert(id, told);
        if messages.is_empty() { Ok(()) } else { self.tell(self.wanted.touched(id, &messages, false)).await }
    }

    async fn look_at_all(&mut self) -> Result<(), Gone> {
        for id in self.told.keys().copied().collect::<Vec<_>>() {
            self.look_at(id).await?;
        }
        if self.wanted.resources {
            let before = std::mem::take(&mut self.rows);
            match self.read_rows().await {
                Ok(_) if self.rows != before => still(self.mouth.resources().await)?,
                Ok(_) => {}
                Err(_) => self.rows = before,
            }
        }
        self.look_at_prompts().await
    }

    async fn prompts_changed(&mut self) -> Result<(), Gone> {
        if !self.wanted.prompts {
            return Ok(());
        }
        self.texts = self.read_prompts().await.unwrap_or_default();
        still(self.mouth.prompts().await)
    }

    async fn look_at_prompts(&mut self) -> Result<(), Gone> {
        if !self.wanted.prompts {
            return Ok(());
        }
        match self.read_prompts().await {
            Ok(texts) if texts != self.texts => {
                self.texts = texts;
                still(self.mouth.prompts().await)
            }
            _ => Ok(()),
        }
    }

    /// Learns the titles by heart; when something last changed.
    async fn read_rows(&mut self) -> Result<Millis, StoreError> {
        let (mut after, mut newest) = (None, Millis(0));
        self.rows.clear();
        while self.rows.len() < KNOWN {
            let page = self.store.conversations(self.by.user, after, limits::SIDEBAR_PAGE).await?;
            after = page.items.last().map(|row| (row.pinned, row.updated_at, row.id));
            newest = page.items.iter().map(|row| row.updated_at).max().unwrap_or_default().max(newest);
            self.rows.extend(page.items.iter().map(|row| (row.id, hash(&row.title))));
            if !page.more {
                break;
            }
        }
        Ok(newest)
    }

    async fn read_prompts(&self) -> Result<u64, StoreError> {
        let Some(saved) = &self.saved else { return Ok(0) };
        Ok(hash(&saved.all(self.by.user).await?))
    }

    async fn tell(&self, uris: Vec<String>) -> Result<(), Gone> {
        for uri in uris {
            still(self.mouth.updated(uri).await)?;
        }
        Ok(())
    }
}

/// Whether to go on.
fn still(heard: bool) -> Result<(), Gone> {
    if heard { Ok(()) } else { Err(Gone) }
}
