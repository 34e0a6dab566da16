use bytes::Bytes;
use tollbridge_core::Error;
use tollbridge_types::{Json, ModelInfo, Protocol};

use crate::ModelsCodec;
use crate::object::{Fields, Object};

const PROTOCOL: Protocol = Protocol::OPENAI_MODELS;

/// Reads and writes OpenAI model lists.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Models;

impl ModelsCodec for Models {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_reply(&self, body: &[u8]) -> Result<Vec<ModelInfo>, Error> {
        // Some servers answer with the bare list.
        if let Ok(list) = serde_json::from_slice::<Vec<Json>>(body) {
            return Ok(list.iter().filter_map(model).collect());
        }
        let mut body = Object::from_vendor(body, "the model list")?;
        Ok(body.find_list("data").iter().filter_map(model).collect())
    }

    fn encode_reply(&self, models: &[ModelInfo]) -> Result<Bytes, Error> {
        let mut body = Fields::new();
        body.put("object", "list").put("data", &models.iter().map(entry).collect::<Vec<_>>());
        Ok(body.to_bytes())
    }

    fn encode_one(&self, model: &ModelInfo) -> Bytes {
        entry(model).to_bytes()
    }
}

fn entry(model: &ModelInfo) -> Fields {
    let mut fields = Fields::new();
    fields.put("id", &model.id).put("object", "model");
    fields.put("created", &model.created.unwrap_or_default());
    fields.put("owned_by", model.owner.as_deref().unwrap_or("unknown"));
    fields.put_extras(&model.extras, PROTOCOL);
    if !model.capabilities.is_empty() && !fields.has("capabilities") {
        fields.put("capabilities", &model.capabilities);
    }
    fields
}

fn model(json: &Json) -> Option<ModelInfo> {
    let mut fields = Object::lenient(json);
    let mut model = ModelInfo::new(fields.find_text("id")?);
    fields.take("object");
    model.created = fields.find_count("created");
    model.owner = fields.find_text("owned_by");
    model.display_name = fields.find_text("display_name").or_else(|| fields.find_text("name"));
    let limits = ["context_length", "max_context_length", "context_window", "max_model_len"];
    model.input_limit = limits.iter().find_map(|name| fields.find_count(name));
    model.output_limit = fields.find_count("max_output_tokens").or_else(|| fields.find_count("max_completion_tokens"));
    model.extras = fields.into_extras(PROTOCOL);
    crate::model_abilities::read(json, &mut model);
    Some(model)
}
