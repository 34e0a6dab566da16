use bytes::Bytes;
use tollbridge_core::Error;
use tollbridge_types::{Json, ModelInfo, Protocol};

use crate::object::{Fields, Object};
use crate::{ModelsCodec, model_abilities, timestamp};

const PROTOCOL: Protocol = Protocol::OLLAMA_MODELS;

/// Reads and writes the list of Ollama's `/api/tags`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Models;

impl ModelsCodec for Models {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_reply(&self, body: &[u8]) -> Result<Vec<ModelInfo>, Error> {
        let mut body = Object::from_vendor(body, "the model list")?;
        Ok(body.find_list("models").iter().filter_map(model).collect())
    }

    fn encode_reply(&self, models: &[ModelInfo]) -> Result<Bytes, Error> {
        let mut body = Fields::new();
        body.put("models", &models.iter().map(entry).collect::<Vec<_>>());
        Ok(body.to_bytes())
    }

    fn encode_one(&self, model: &ModelInfo) -> Bytes {
        entry(model).to_bytes()
    }
}

fn entry(model: &ModelInfo) -> Fields {
    let mut fields = Fields::new();
    fields.put("name", model.display_name.as_ref().unwrap_or(&model.id)).put("model", &model.id);
    fields.put("modified_at", &timestamp::format(model.created.unwrap_or_default()));
    fields.put_extras(&model.extras, PROTOCOL);
    fields
}

fn model(json: &Json) -> Option<ModelInfo> {
    let mut fields = Object::lenient(json);
    let name = fields.find_text("name");
    let mut model = ModelInfo::new(fields.find_text("model").or_else(|| name.clone())?);
    model.display_name = name.filter(|name| *name != model.id);
    model.created = fields.find_text("modified_at").and_then(|time| timestamp::parse(&time));
    let details = fields.peek("details").map(Object::lenient);
    model.input_limit = details.and_then(|mut details| details.find_count("context_length"));
    model.extras = fields.into_extras(PROTOCOL);
    model_abilities::read(json, &mut model);
    Some(model)
}
