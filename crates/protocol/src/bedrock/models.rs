use bytes::Bytes;
use tollbridge_core::Error;
use tollbridge_types::{Capability, Json, ModelInfo, Protocol};

use crate::ModelsCodec;
use crate::object::{Fields, Object};

const PROTOCOL: Protocol = Protocol::BEDROCK_MODELS;

/// Reads and writes the lists of ListFoundationModels.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Models;

impl ModelsCodec for Models {
    fn protocol(&self) -> Protocol {
        PROTOCOL
    }

    fn decode_reply(&self, body: &[u8]) -> Result<Vec<ModelInfo>, Error> {
        let mut body = Object::from_vendor(body, "the model list")?;
        let model = |json: &Json| {
            let mut fields = Object::lenient(json);
            let mut model = ModelInfo::new(fields.find_text("modelId")?);
            model.display_name = fields.find_text("modelName");
            model.owner = fields.find_text("providerName");
            let into: Vec<String> =
                fields.peek("inputModalities").and_then(|json| json.parse().ok()).unwrap_or_default();
            let out: Vec<String> =
                fields.peek("outputModalities").and_then(|json| json.parse().ok()).unwrap_or_default();
            let has = |list: &[String], word: &str| list.iter().any(|one| one == word);
            let abilities = [
                (Capability::Chat, has(&out, "TEXT")),
                (Capability::Embed, has(&out, "EMBEDDING")),
                (Capability::Vision, has(&into, "IMAGE")),
                (Capability::Audio, has(&into, "SPEECH")),
                (Capability::Image, has(&out, "IMAGE")),
                (Capability::Speech, has(&out, "SPEECH")),
            ];
            model.capabilities = abilities.into_iter().filter(|(_, able)| *able).map(|(ability, _)| ability).collect();
            model.extras = fields.into_extras(PROTOCOL);
            Some(model)
        };
        // An inference profile lists its models by their resource names.
        let profile = body.find_list("models");
        let named =
            profile.iter().filter_map(|json| Some(ModelInfo::new(Object::lenient(json).find_text("modelArn")?)));
        Ok(body.find_list("modelSummaries").iter().filter_map(model).chain(named).collect())
    }

    fn encode_reply(&self, models: &[ModelInfo]) -> Result<Bytes, Error> {
        let mut body = Fields::new();
        body.put("modelSummaries", &models.iter().map(entry).collect::<Vec<_>>());
        Ok(body.to_bytes())
    }

    fn encode_one(&self, model: &ModelInfo) -> Bytes {
        let mut body = Fields::new();
        body.put("modelDetails", &entry(model));
        body.to_bytes()
    }
}

fn entry(model: &ModelInfo) -> Fields {
    let mut fields = Fields::new();
    fields.put("modelId", &model.id).put("modelName", model.display_name.as_ref().unwrap_or(&model.id));
    fields.put_some("providerName", model.owner.as_ref()).put_extras(&model.extras, PROTOCOL);
    fields
}
