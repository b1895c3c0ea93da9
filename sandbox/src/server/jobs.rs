//! The Jobs API, and what goes wrong with the answer to a create.

use super::{Asked, Delivery, HTML, Outcome, SKEW_MS, Server, body};
use crate::channels::{AGENT, Channel, Message};
use crate::faults::FaultName;
use crate::jobs::{Job, Jobs, Status, Wanted};
use crate::json::document;
use crate::message::{Reply, Request};
use crate::paywall::{Around, Proof};
use crate::rate_limit::RateLimit;
use crate::sessions::Sessions;
use crate::time::Ms;

impl Server {
    pub(super) fn read_jobs(&mut self, request: &Request, id: &str, now: Ms) -> Outcome {
        let time = self.time(now);
        if id.eq_ignore_ascii_case("health") {
            return Outcome::Reply(self.jobs.health(time));
        }
        if self.strikes(FaultName::ServerRestarts) {
            self.restart(now);
            return Outcome::Gone;
        }
        if id.is_empty() {
            return Outcome::Reply(self.jobs.list(request.query("limit").as_deref(), request.query("status").as_deref()));
        }
        if self.jobs.has(id) && self.strikes(FaultName::JobGone) {
            self.jobs.remove(id);
        }
        Outcome::Reply(self.jobs.get(id, time))
    }

    /// Forgets what a server keeps in memory, and refuses connections for a while. The chain goes
    /// on.
    pub(super) fn restart(&mut self, now: Ms) {
        let time = self.time(now);
        self.jobs = Jobs::new(time);
        self.sessions = Sessions::new(time);
        self.limit = RateLimit::new(self.options.rate_limit);
        self.questions.clear();
        if let Some(wall) = &mut self.wall {
            wall.restart();
        }
        self.down_until = now + self.options.slow_ms;
    }

    pub(super) fn create(&mut self, request: &Request, now: Ms) -> Reply {
        let time = self.time(now);
        let body = body(request);
        let wanted = match Wanted::read(body.as_ref()) {
            Ok(wanted) => wanted,
            Err(words) => return Reply::refusal(400, &words),
        };
        if !self.options.has_agent && wanted.agent_id.is_none() {
            return Reply::refusal(404, "No agents available on server");
        }
        let agent_id = wanted.agent_id.unwrap_or_else(|| AGENT.to_owned());
        if !self.options.has_agent || agent_id != AGENT {
            return Reply::refusal(404, &format!("Agent {agent_id} not found"));
        }
        let created_at = time.floor();
        let [id, channel_id, message_id] = [(); 3].map(|()| self.random.uuid());
        let job = Job {
            id: id.clone(),
            agent_id,
            user_id: wanted.user_id,
            content: wanted.content,
            metadata: wanted.metadata,
            status: Status::Processing,
            created_at,
            expires_at: created_at + wanted.timeout_ms,
            result: None,
        };
        let created = document!({
            "jobId": id,
            "status": "processing",
            "createdAt": job.created_at,
            "expiresAt": job.expires_at,
        });
        self.open_channel(&job, &channel_id, &message_id, time);
        let context = document!({
            "jobId": id,
            "agentId": AGENT,
            "userId": job.user_id,
            "metadata": job.metadata,
        });
        let content = job.content.clone();
        self.jobs.add(job);
        self.ask(&content, context, channel_id, message_id, Asked::Job { job_id: id }, now);
        Reply::json(201, &created)
    }

    /// The channel of a job, with the user's message in it.
    pub(super) fn open_channel(&mut self, job: &Job, channel_id: &str, message_id: &str, time: Ms) {
        let mut about = document!({"jobId": job.id, "agentId": AGENT, "userId": job.user_id, "isJobChannel": true});
        let mut metadata = document!({"jobId": job.id, "isJobMessage": true});
        for target in [&mut about, &mut metadata] {
            if let (Some(members), Some(own)) = (target.as_object_mut(), job.metadata.as_object()) {
                members.merge(own);
            }
        }
        let message = Message {
            id: message_id.to_owned(),
            author: job.user_id.clone(),
            content: job.content.clone(),
            at: time,
            metadata,
            answers: None,
            source: "job_request",
        };
        let (id, name) = (channel_id.to_owned(), format!("job-{}", job.id));
        self.channels.add(Channel { id, name, metadata: about, created_at: time, messages: vec![message] });
    }

    /// Settles what was paid, and lets go wrong what is to go wrong with the answer.
    pub(super) fn after_create(&mut self, request: &Request, reply: Reply, proof: Option<Proof>, now: Ms) -> Outcome {
        let mut reply = reply;
        if let (Some(wall), Some(proof), true) = (&mut self.wall, &proof, reply.status < 400) {
            let time = if self.faults.is_on(FaultName::ClockSkew) { now + SKEW_MS } else { now };
            let mut around = Around { chain: &mut self.chain, faults: &mut self.faults, random: &mut self.random, now, time };
            reply = wall.settle(request, reply, proof, &mut around);
            self.note_fault();
        }
        if reply.status != 201 {
            return Outcome::Reply(reply);
        }
        for (fault, delivery) in
            [(FaultName::LoseReply, Delivery::Lost), (FaultName::CutBody, Delivery::Cut), (FaultName::SlowBody, Delivery::Slow)]
        {
            if self.strikes(fault) {
                return Outcome::Deliver(reply, delivery);
            }
        }
        if self.strikes(FaultName::PayThen500) {
            return Outcome::Reply(Reply::refusal(500, "Failed to create job"));
        }
        if self.strikes(FaultName::Html) {
            return Outcome::Reply(Reply::text(200, HTML).with("content-type", "text/html; charset=utf-8"));
        }
        if self.strikes(FaultName::AgainPaymentRequired)
            && let Some(wall) = &self.wall
        {
            return Outcome::Reply(wall.again(request));
        }
        Outcome::Reply(reply)
    }
}
