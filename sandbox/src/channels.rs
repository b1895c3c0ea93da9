//! The channels of jobs and sessions with their messages, as elizaOS's message server shows them.

use crate::json::{ToJson, Value, document};
use crate::message::Reply;
use crate::text::is_uuid;
use crate::time::{Ms, iso};

/// The agent that the server has.
pub const AGENT: &str = "11111111-1111-4111-8111-111111111111";
/// The agent's name.
pub const AGENT_NAME: &str = "Sandbox agent";
/// The one message server.
pub const MESSAGE_SERVER: &str = "00000000-0000-0000-0000-000000000000";
/// What the agent thinks.
pub const THOUGHT: &str = "The sandbox has answers, but no thoughts.";

/// A message of a user or of the agent.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// What it says.
    pub content: String,
    /// When.
    pub at: Ms,
    /// What is known about it.
    pub metadata: Value,
    /// Which message it answers. The agent's messages have this.
    pub answers: Option<String>,
    /// `job_request`, `user` or `agent_response`.
    pub source: &'static str,
}

impl Message {
    /// An answer of the agent.
    pub fn of_agent(id: String, content: &str, at: Ms, answers: &str) -> Self {
        let metadata = document!({"agent_id": AGENT, "agentName": AGENT_NAME, "channelType": "GROUP", "isDm": false});
        let answers = Some(answers.to_owned());
        Self { id, author: AGENT.to_owned(), content: content.to_owned(), at, metadata, answers, source: "agent_response" }
    }

    /// The metadata with what the agent thought and did.
    pub fn full_metadata(&self) -> Value {
        let mut metadata = self.metadata.clone();
        if self.answers.is_some() {
            metadata.set("thought", THOUGHT.json());
            metadata.set("actions", vec!["REPLY"].json());
        }
        metadata
    }

    fn raw(&self) -> Value {
        match self.answers {
            Some(_) => document!({"text": self.content, "actions": vec!["REPLY"], "thought": THOUGHT}),
            None => document!({"content": self.content}),
        }
    }
}

/// A channel.
#[derive(Debug)]
pub struct Channel {
    /// Its id.
    pub id: String,
    /// `job-` or `session-` and the id.
    pub name: String,
    /// What is known about it.
    pub metadata: Value,
    /// When it was created.
    pub created_at: Ms,
    /// The oldest first.
    pub messages: Vec<Message>,
}

/// All channels.
#[derive(Debug, Default)]
pub struct Channels {
    all: Vec<Channel>,
}

impl Channels {
    /// Adds a channel.
    pub fn add(&mut self, channel: Channel) {
        self.all.push(channel);
    }

    /// Finds a channel.
    pub fn get(&self, id: &str) -> Option<&Channel> {
        self.all.iter().rev().find(|channel| channel.id == id)
    }

    /// Adds a message to a channel that there is.
    pub fn say(&mut self, channel: &str, message: Message) {
        if let Some(channel) = self.all.iter_mut().rev().find(|known| known.id == channel) {
            channel.messages.push(message);
        }
    }

    /// `GET /message-servers/:id/channels`
    pub fn list(&self, server: &str) -> Reply {
        if !is_uuid(server) {
            return Reply::refusal(400, "Invalid messageServerId");
        }
        let show = |channel: &Channel| {
            document!({
                "id": channel.id,
                "messageServerId": MESSAGE_SERVER,
                "name": channel.name,
                "type": "DM",
                "metadata": channel.metadata,
                "createdAt": iso(channel.created_at),
                "updatedAt": iso(channel.created_at),
            })
        };
        let channels: Vec<Value> = self.all.iter().filter(|_| server == MESSAGE_SERVER).map(show).collect();
        Reply::json(200, &document!({"success": true, "data": document!({"channels": channels})}))
    }

    /// `GET /channels/:id/messages`
    pub fn messages(&self, id: &str) -> Reply {
        if !is_uuid(id) {
            return Reply::refusal(400, "Invalid channelId");
        }
        let show = |message: &Message| {
            let at = iso(message.at);
            document!({
                "id": message.id,
                "channelId": id,
                "authorId": message.author,
                "content": message.content,
                "rawMessage": message.raw(),
                "sourceType": message.source,
                "metadata": message.full_metadata(),
                "inReplyToRootMessageId": message.answers,
                "createdAt": at,
                "updatedAt": at,
                "created_at": message.at.floor(),
                "updated_at": message.at.floor(),
            })
        };
        let messages: Vec<Value> = self.get(id).iter().flat_map(|channel| channel.messages.iter().rev()).map(show).collect();
        Reply::json(200, &document!({"success": true, "data": document!({"messages": messages})}))
    }
}
