use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_types::{Json, Protocol, Ranked, RerankReply, RerankRequest, Usage};

use crate::object::{Fields, Object, wrong};
use crate::{ReplyContext, RerankCodec, Target, cohere, losses, openai};

const PROTOCOL: Protocol = Protocol::COHERE_RERANK;

/// Reads and writes rerank as Cohere defined it and Jina, Voyage and many servers took it over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rerank;

impl RerankCodec for Rerank {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_request(&self, body: &[u8]) -> Result<RerankRequest, Error> {
        let mut body = Object::from_body(body)?;
        let mut request = RerankRequest::default();
        request.model = body.take_as("model")?.unwrap_or_default();
        request.query = body.require("query")?;
        request.documents = body.require("documents")?;
        if request.documents.is_empty() {
            return Err(Error::invalid("documents", "`documents` is empty").with_hint("send at least one document"));
        }
        for (place, document) in request.documents.iter().enumerate() {
            if !document.as_str().starts_with(['"', '{']) {
                return Err(wrong(&format!("documents[{place}]"), "a string or an object", document));
            }
        }
        request.top_n = body.take_as("top_n")?;
        request.return_documents = body.take_as("return_documents")?;
        request.extras = body.into_extras(PROTOCOL);
        Ok(request)
    }

    fn encode_request(&self, request: &RerankRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Bytes {
        let mut body = Fields::new();
        body.put("model", target.model).put("query", &request.query).put("documents", &request.documents);
        body.put_some("top_n", request.top_n).put_some("return_documents", request.return_documents);
        losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
        body.put_extras(&request.extras, PROTOCOL);
        body.to_bytes()
    }

    fn decode_reply(&self, body: &[u8]) -> Result<RerankReply, Error> {
        let mut body = Object::from_vendor(body, "the rerank reply")?;
        // Voyage calls the list `data`.
        let list: Option<Vec<Json>> = body.find("results").or_else(|| body.find("data"));
        let list = list.ok_or_else(|| Error::new(ErrorKind::Decode, "the rerank reply has no `results`"))?;
        let mut reply = RerankReply::default();
        reply.id = body.find_text("id");
        reply.model = body.find_text("model");
        for (place, entry) in list.iter().enumerate() {
            let mut fields = Object::lenient(entry);
            let mut ranked = Ranked::default();
            let missing = |name: &str| {
                Error::new(ErrorKind::Decode, format!("`results[{place}].{name}` of the rerank reply is missing"))
            };
            ranked.index = fields.find_count("index").ok_or_else(|| missing("index"))?;
            let score: Option<f64> = fields.find("relevance_score").or_else(|| fields.find("score"));
            ranked.score = score.ok_or_else(|| missing("relevance_score"))?;
            ranked.document = fields.take("document");
            ranked.extras = fields.into_extras(PROTOCOL);
            reply.results.push(ranked);
        }
        reply.usage = usage(&body);
        body.take("object");
        reply.extras = body.into_extras(PROTOCOL);
        Ok(reply)
    }

    fn encode_reply(&self, reply: &RerankReply, context: &ReplyContext<'_>) -> Bytes {
        let entry = |ranked: &Ranked| {
            let mut fields = Fields::new();
            fields.put("index", &ranked.index).put("relevance_score", &ranked.score);
            fields.put_some("document", ranked.document.as_ref()).put_extras(&ranked.extras, PROTOCOL);
            fields
        };
        let mut body = Fields::new();
        body.put("id", reply.id.as_deref().unwrap_or(context.id));
        body.put("model", reply.model.as_deref().unwrap_or(context.model));
        body.put("results", &reply.results.iter().map(entry).collect::<Vec<_>>());
        body.put_extras(&reply.extras, PROTOCOL);
        body.to_bytes()
    }
}

/// Reads what the vendor counted: Cohere in `meta`, the others in `usage`, some of them only its sum.
pub(crate) fn usage(body: &Object) -> Option<Usage> {
    body.peek("usage").or_else(|| body.peek("meta")).map(decode)
}

pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    if fields.peek("billed_units").is_some() || fields.peek("tokens").is_some() {
        return cohere::usage::decode(json);
    }
    let mut usage = openai::usage::decode(json);
    usage.input = usage.input.or_else(|| fields.find_count("total_tokens"));
    usage
}
