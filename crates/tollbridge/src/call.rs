use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, Instant};

use tollbridge_core::{Cancellation, Error, Request};
use tollbridge_types::{ChatRequest, Media, Message, Reasoning, ResponseFormat, Role, Tool, ToolChoice};

use crate::answer::{Answer, ChatStream};
use crate::client::Client;

/// A chat call that is being put together. Await it for the whole answer.
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until it is awaited"]
pub struct ChatCall {
    client: Client,
    pub(crate) request: ChatRequest,
    time_limit: Option<Duration>,
    cancellation: Option<Cancellation>,
    tags: Vec<(String, String)>,
    strict: bool,
}

impl ChatCall {
    pub(crate) fn new(client: Client, request: ChatRequest) -> Self {
        Self { client, request, time_limit: None, cancellation: None, tags: Vec::new(), strict: false }
    }

    /// Adds standing instructions, in front of the conversation.
    pub fn system(mut self, text: impl Into<String>) -> Self {
        let behind_others = self.request.messages.iter().take_while(|message| message.role == Role::System).count();
        self.request.messages.insert(behind_others, Message::system(text));
        self
    }

    /// Adds a message at the end of the conversation.
    pub fn message(mut self, message: Message) -> Self {
        self.request.messages.push(message);
        self
    }

    /// Adds an image to the last message.
    pub fn image(mut self, image: Media) -> Self {
        match self.request.messages.pop() {
            Some(last) => self.request.messages.push(last.image(image)),
            None => self.request.messages.push(Message::new(Role::User, Vec::new()).image(image)),
        }
        self
    }

    /// Adds a tool that the model may call.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.request.tools.push(tool);
        self
    }

    /// Says whether and what the model must call.
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.request.tool_choice = Some(choice);
        self
    }

    /// Limits the answer, in tokens.
    pub fn max_tokens(mut self, tokens: u64) -> Self {
        self.request.max_tokens = Some(tokens);
        self
    }

    /// Sets the randomness; 0 is the least.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.request.temperature = Some(temperature);
        self
    }

    /// Sets the form of the answer.
    pub fn response_format(mut self, format: ResponseFormat) -> Self {
        self.request.response_format = Some(format);
        self
    }

    /// Asks for a JSON object, unless a form was set before.
    pub fn json_mode(mut self) -> Self {
        self.request.response_format.get_or_insert(ResponseFormat::JsonObject);
        self
    }

    /// Sets how much the model is to think.
    pub fn reasoning(mut self, reasoning: Reasoning) -> Self {
        self.request.reasoning = Some(reasoning);
        self
    }

    /// Changes anything else of the request.
    pub fn with(mut self, change: impl FnOnce(&mut ChatRequest)) -> Self {
        change(&mut self.request);
        self
    }

    /// Ends the call with an error if it is not over by then.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Lets a switch of the caller stop the call. Dropping it stops it too.
    pub fn cancellation(mut self, cancellation: Cancellation) -> Self {
        self.cancellation = Some(cancellation);
        self
    }

    /// Refuses the call, before it is sent, if the model's protocol cannot carry all of the request.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Says what the call is for.
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((name.into(), value.into()));
        self
    }

    /// Makes the call and waits for the whole answer.
    ///
    /// # Errors
    /// What the vendor or the network did.
    pub async fn send(self) -> Result<Answer, Error> {
        let (reply, cx) = self.dispatch(false).await?;
        Answer::read(reply, cx).await
    }

    /// Makes the call and returns the answer as it comes.
    ///
    /// # Errors
    /// What the vendor or the network did before the answer began.
    pub async fn stream(self) -> Result<ChatStream, Error> {
        let (reply, cx) = self.dispatch(true).await?;
        ChatStream::new(reply, cx)
    }

    async fn dispatch(mut self, stream: bool) -> Result<(tollbridge_core::Reply, tollbridge_core::CallContext), Error> {
        self.request.stream = stream;
        check(&self.request)?;
        let mut cx = self.client.context();
        cx.deadline = self.time_limit.map(|limit| Instant::now() + limit);
        cx.tags = self.tags;
        if let Some(cancellation) = self.cancellation {
            cx.cancellation = cancellation;
        }
        let reply = self.client.call(Request::chat(self.request).with_strict(self.strict), &cx).await?;
        Ok((reply, cx))
    }
}

/// Refuses what no vendor takes before anything is sent, all of it at once.
fn check(request: &ChatRequest) -> Result<(), Error> {
    let problems = request.problems();
    let Some((first, _)) = problems.first() else { return Ok(()) };
    let told: Vec<_> = problems.iter().map(|(path, message)| format!("`{path}` {message}")).collect();
    Err(Error::invalid(first, told.join(", ")))
}

impl IntoFuture for ChatCall {
    type Output = Result<Answer, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// What a chat begins with: a text, a message, or a whole conversation.
#[derive(Clone, Debug)]
pub struct Prompt(pub(crate) Vec<Message>);

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self(vec![Message::user(text)])
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self(vec![Message::user(text)])
    }
}

impl From<Message> for Prompt {
    fn from(message: Message) -> Self {
        Self(vec![message])
    }
}

impl From<Vec<Message>> for Prompt {
    fn from(messages: Vec<Message>) -> Self {
        Self(messages)
    }
}

impl From<&[Message]> for Prompt {
    fn from(messages: &[Message]) -> Self {
        Self(messages.to_vec())
    }
}
