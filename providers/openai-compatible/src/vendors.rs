use tollbridge_core::{OptionSpec, Registration};

use crate::provider::build;

/// The table: one row for each vendor.
pub const VENDORS: &[Registration] = &[
    vendor("deepseek", "DeepSeek", "https://api.deepseek.com/v1", &["DEEPSEEK_API_KEY"], &["DEEPSEEK_BASE_URL"]),
    vendor("xai", "xAI (Grok)", "https://api.x.ai/v1", &["XAI_API_KEY", "GROK_API_KEY"], &["XAI_BASE_URL"])
        .aliases(&["grok"]),
    vendor(
        "moonshot",
        "Moonshot AI (Kimi); abroad, set base_url to https://api.moonshot.ai/v1",
        "https://api.moonshot.cn/v1",
        &["MOONSHOT_API_KEY", "KIMI_API_KEY"],
        &["MOONSHOT_BASE_URL", "KIMI_BASE_URL"],
    )
    .aliases(&["kimi"]),
    vendor("groq", "Groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"], &["GROQ_BASE_URL"]),
    vendor("together", "Together AI", "https://api.together.xyz/v1", &["TOGETHER_API_KEY"], &["TOGETHER_BASE_URL"]),
    vendor(
        "fireworks",
        "Fireworks AI",
        "https://api.fireworks.ai/inference/v1",
        &["FIREWORKS_API_KEY"],
        &["FIREWORKS_BASE_URL"],
    ),
    vendor(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        &["OPENROUTER_API_KEY"],
        &["OPENROUTER_BASE_URL"],
    ),
    vendor(
        "perplexity",
        "Perplexity",
        "https://api.perplexity.ai",
        &["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
        &["PERPLEXITY_BASE_URL"],
    ),
    vendor("cerebras", "Cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"], &["CEREBRAS_BASE_URL"]),
    vendor(
        "nvidia",
        "NVIDIA NIM",
        "https://integrate.api.nvidia.com/v1",
        &["NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"],
        &["NVIDIA_BASE_URL"],
    )
    .aliases(&["nvidia_nim"]),
    vendor(
        "huggingface",
        "Hugging Face router",
        "https://router.huggingface.co/v1",
        &["HF_TOKEN", "HUGGINGFACE_API_KEY"],
        &["HUGGINGFACE_BASE_URL"],
    ),
    vendor(
        "dashscope",
        "Alibaba DashScope (Qwen)",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        &["DASHSCOPE_API_KEY"],
        &["DASHSCOPE_BASE_URL"],
    )
    .aliases(&["qwen", "alibaba"]),
    vendor(
        "zhipu",
        "Zhipu (GLM)",
        "https://open.bigmodel.cn/api/paas/v4",
        &["ZHIPU_API_KEY", "ZHIPUAI_API_KEY"],
        &["ZHIPU_BASE_URL"],
    ),
    vendor("zai", "Z.ai (GLM, abroad)", "https://api.z.ai/api/paas/v4", &["ZAI_API_KEY"], &["ZAI_BASE_URL"]),
    vendor(
        "volcengine",
        "Volcengine Ark (Doubao)",
        "https://ark.cn-beijing.volces.com/api/v3",
        &["ARK_API_KEY", "VOLCENGINE_API_KEY"],
        &["ARK_BASE_URL"],
    )
    .aliases(&["ark", "doubao"]),
    vendor("qianfan", "Baidu Qianfan", "https://qianfan.baidubce.com/v2", &["QIANFAN_API_KEY"], &["QIANFAN_BASE_URL"]),
    vendor(
        "siliconflow",
        "SiliconFlow",
        "https://api.siliconflow.cn/v1",
        &["SILICONFLOW_API_KEY"],
        &["SILICONFLOW_BASE_URL"],
    ),
    vendor("minimax", "MiniMax", "https://api.minimax.io/v1", &["MINIMAX_API_KEY"], &["MINIMAX_BASE_URL"]),
    // `GITHUB_TOKEN` is set on many machines for other ends, so it turns nothing on here.
    vendor(
        "github",
        "GitHub Models",
        "https://models.github.ai/inference",
        &["GITHUB_MODELS_TOKEN"],
        &["GITHUB_MODELS_BASE_URL"],
    )
    .aliases(&["github_models"]),
    local("vllm", "vLLM", "http://127.0.0.1:8000/v1", &["VLLM_API_KEY"], &["VLLM_BASE_URL"]).aliases(&["hosted_vllm"]),
    local("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1", &["LMSTUDIO_API_KEY"], &["LMSTUDIO_BASE_URL"])
        .aliases(&["lm_studio"]),
    local("llamacpp", "llama.cpp server", "http://127.0.0.1:8080/v1", &["LLAMACPP_API_KEY"], &["LLAMACPP_BASE_URL"]),
    local(
        "litellm",
        "LiteLLM proxy",
        "http://127.0.0.1:4000/v1",
        &["LITELLM_PROXY_API_KEY"],
        &["LITELLM_PROXY_API_BASE", "LITELLM_PROXY_BASE_URL"],
    )
    .aliases(&["litellm_proxy"]),
    Registration::new("custom", "Any server that speaks OpenAI's protocol", build).keyless().options(CUSTOM),
];

const CUSTOM: &[OptionSpec] = &[
    OptionSpec::new("auth", "How the key travels: `bearer` (default), `none`, or the name of a header", &[]),
    OptionSpec::new(
        "path",
        "The path of chat below `base_url`, instead of `/chat/completions` under the version; `{model}` stands for the model",
        &[],
    ),
    OptionSpec::new("embed_path", "The path of embeddings below `base_url`, instead of `/embeddings`", &[]),
    OptionSpec::new("responses", "`true` if the server speaks OpenAI's responses too", &[]),
    OptionSpec::new("stream_options", "`false` if the server knows no `stream_options`", &[]),
    OptionSpec::new("content_parts", "`false` if the server takes content only as a text", &[]),
    OptionSpec::new("max_tokens_field", "`max_tokens` (default) or `max_completion_tokens`", &[]),
    OptionSpec::new("request_fields", "Where the server wants fields of a chat completion, as `field=path` pairs", &[]),
    OptionSpec::new("reply_fields", "Where the server has the fields of a whole answer, as `field=path` pairs", &[]),
    OptionSpec::new("stream_fields", "Where the server has the fields of a streamed chunk, as `field=path` pairs", &[]),
];

const fn vendor(
    kind: &'static str,
    about: &'static str,
    base_url: &'static str,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
) -> Registration {
    Registration::new(kind, about, build).base_url(base_url).key_env(key_env).base_env(base_env)
}

const fn local(
    kind: &'static str,
    about: &'static str,
    base_url: &'static str,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
) -> Registration {
    vendor(kind, about, base_url, key_env, base_env).keyless()
}
