//! [`Settings`]: what flags and environment say, unjudged.
//!
//! Invariant: every field is text, so that clap refuses nothing and [`Settings::check`] names all faults at once. An
//! empty value counts as not given: `.env` files and Compose pass on unset variables that way. Secrets hide in `--help`.

use secrecy::SecretString;

/// The settings of Parley.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Settings {
    /// Address and port to listen on [default: 127.0.0.1:3000]
    #[arg(long, env = "PARLEY_BIND", value_name = "ADDRESS:PORT", global = true, help_heading = "Server")]
    pub bind: Option<String>,

    /// What people type to reach it; decides Secure cookies, HSTS and the allowed origin [default: http:// and the
    /// bind address]
    #[arg(long, env = "PARLEY_PUBLIC_URL", value_name = "URL", global = true, help_heading = "Server")]
    pub public_url: Option<String>,

    /// Other origins whose pages may open /ws/chat/ sockets (same site: another port or subdomain) and, with a token,
    /// /mcp (any site); with commas between them
    #[arg(long, env = "PARLEY_ALLOWED_ORIGINS", value_name = "ORIGINS", global = true, help_heading = "Server")]
    pub allowed_origins: Option<String>,

    /// How many reverse proxies of yours stand before it, whose X-Forwarded-For is believed [default: 0]
    #[arg(long, env = "PARLEY_TRUSTED_PROXIES", value_name = "COUNT", global = true, help_heading = "Server")]
    pub trusted_proxies: Option<String>,

    /// Folder of the built page, style and icons [default: site beside the program, or else
    /// target/site]
    #[arg(long, env = "PARLEY_SITE_ROOT", value_name = "FOLDER", global = true, help_heading = "Server")]
    pub site_root: Option<String>,

    /// Seconds that running replies get to finish when it is told to stop [default: 10]
    #[arg(long, env = "PARLEY_SHUTDOWN_GRACE", value_name = "SECONDS", global = true, help_heading = "Server")]
    pub shutdown_grace: Option<String>,

    /// What to log, as «info» or «info,app=debug» [default: info]
    #[arg(long, env = "PARLEY_LOG", value_name = "FILTER", global = true, help_heading = "Server")]
    pub log: Option<String>,

    /// How to log: human or json [default: human]
    #[arg(long, env = "PARLEY_LOG_FORMAT", value_name = "FORMAT", global = true, help_heading = "Server")]
    pub log_format: Option<String>,

    /// Secret that opens /metrics to Prometheus, as a bearer token of 16 characters or more [default: none; there is no
    /// /metrics]
    #[arg(
        long,
        env = "PARLEY_METRICS_TOKEN",
        value_name = "SECRET",
        global = true,
        help_heading = "Server",
        hide_env_values = true
    )]
    pub metrics_token: Option<SecretString>,

    /// Folder for what it keeps [default: data]
    #[arg(long, env = "PARLEY_DATA_DIR", value_name = "FOLDER", global = true, help_heading = "Storage")]
    pub data_dir: Option<String>,

    /// Where conversations are kept: sqlite:PATH or postgres://… [default: sqlite:parley.db in the data folder]
    #[arg(
        long,
        env = "PARLEY_DATABASE_URL",
        value_name = "URL",
        global = true,
        help_heading = "Storage",
        hide_env_values = true
    )]
    pub database_url: Option<SecretString>,

    /// Keys that seal people's secrets: 32 bytes in base64 each, with commas between them; the first seals, all open
    /// [default: one made in the data folder]
    #[arg(
        long,
        env = "PARLEY_SECRET_KEYS",
        value_name = "KEYS",
        global = true,
        help_heading = "Storage",
        hide_env_values = true
    )]
    pub secret_keys: Option<SecretString>,

    /// Who may make an account: open (everybody) or closed (only «parley create-admin») [default: open]
    #[arg(long, env = "PARLEY_SIGN_UP", value_name = "WHO", global = true, help_heading = "Accounts")]
    pub sign_up: Option<String>,

    /// Model of new conversations, as provider/model [default: the first one configured]
    #[arg(long, env = "PARLEY_DEFAULT_MODEL", value_name = "MODEL", global = true, help_heading = "Models")]
    pub default_model: Option<String>,

    /// Key of the Anthropic API; with it Claude answers
    #[arg(
        long,
        env = "PARLEY_ANTHROPIC_API_KEY",
        value_name = "KEY",
        global = true,
        help_heading = "Models",
        hide_env_values = true
    )]
    pub anthropic_api_key: Option<SecretString>,

    /// Claude models to offer, with commas between them [default: claude-sonnet-4-5,claude-opus-4-5,claude-haiku-4-5]
    #[arg(long, env = "PARLEY_ANTHROPIC_MODELS", value_name = "MODELS", global = true, help_heading = "Models")]
    pub anthropic_models: Option<String>,

    /// Claude models that think before they answer, with commas between them: MODEL=adaptive, or MODEL=TOKENS
    #[arg(long, env = "PARLEY_ANTHROPIC_THINKING", value_name = "MODELS", global = true, help_heading = "Models")]
    pub anthropic_thinking: Option<String>,

    /// Where the Anthropic API is
    #[arg(
        long,
        env = "PARLEY_ANTHROPIC_BASE_URL",
        value_name = "URL",
        global = true,
        help_heading = "Models",
        help = "Where the Anthropic API is [default: https://api.anthropic.com]"
    )]
    pub anthropic_base_url: Option<String>,

    /// Key of the OpenAI API; with it GPT answers
    #[arg(
        long,
        env = "PARLEY_OPENAI_API_KEY",
        value_name = "KEY",
        global = true,
        help_heading = "Models",
        hide_env_values = true
    )]
    pub openai_api_key: Option<SecretString>,

    /// GPT models to offer, with commas between them [default: gpt-5.1,gpt-5-mini]
    #[arg(long, env = "PARLEY_OPENAI_MODELS", value_name = "MODELS", global = true, help_heading = "Models")]
    pub openai_models: Option<String>,

    /// Where the OpenAI API is
    #[arg(
        long,
        env = "PARLEY_OPENAI_BASE_URL",
        value_name = "URL",
        global = true,
        help_heading = "Models",
        help = "Where the OpenAI API is [default: https://api.openai.com/v1]"
    )]
    pub openai_base_url: Option<String>,

    /// Tokens of those models' windows [default: known by their names]
    #[arg(long, env = "PARLEY_OPENAI_CONTEXT_WINDOW", value_name = "TOKENS", global = true, help_heading = "Models")]
    pub openai_context_window: Option<String>,

    /// More OpenAI-compatible servers (Ollama, vLLM, llama.cpp, OpenRouter), with blanks between them, each
    /// name=URL;model,model and, as wanted, ;key=VARIABLE (the environment variable that holds its key) and
    /// ;window=TOKENS (of its models)
    #[arg(long, env = "PARLEY_ENDPOINTS", value_name = "ENDPOINTS", global = true, help_heading = "Models")]
    pub endpoints: Option<String>,

    /// Whether models summarise what no longer fits their window, and read that in its place: on or off [default: on]
    #[arg(long, env = "PARLEY_SUMMARIES", value_name = "ON", global = true, help_heading = "Models")]
    pub summaries: Option<String>,

    /// Milliseconds between two words of the offline assistant, 0 for none [default: 15]
    #[arg(long, env = "PARLEY_OFFLINE_DELAY_MS", value_name = "MS", global = true, help_heading = "Models")]
    pub offline_delay_ms: Option<String>,

    /// For tests: offer the scripted model (true or false)
    #[arg(long, env = "PARLEY_SCRIPTED", value_name = "BOOL", global = true, help_heading = "Models", hide = true)]
    pub scripted: Option<String>,

    /// What the MCP server calls itself to clients [default: parley]
    #[arg(long, env = "PARLEY_MCP_NAME", value_name = "NAME", global = true, help_heading = "MCP server")]
    pub mcp_name: Option<String>,

    /// What the MCP server tells clients' models of itself [default: what it offers]
    #[arg(long, env = "PARLEY_MCP_INSTRUCTIONS", value_name = "TEXT", global = true, help_heading = "MCP server")]
    pub mcp_instructions: Option<String>,

    /// Whether that text is a tool besides, for clients that do not show it to their model: on or off [default: on]
    #[arg(long, env = "PARLEY_MCP_INSTRUCTIONS_TOOL", value_name = "ON", global = true, help_heading = "MCP server")]
    pub mcp_instructions_tool: Option<String>,

    /// Whether clients of revisions before 2026-07-28 get sessions: on, or off to serve every request by itself
    /// [default: on]
    #[arg(long, env = "PARLEY_MCP_SESSIONS", value_name = "ON", global = true, help_heading = "MCP server")]
    pub mcp_sessions: Option<String>,

    /// How many such sessions all people's programs may have open at one endpoint; beyond it the oldest of whoever has
    /// the most ends [default: 1000]
    #[arg(long, env = "PARLEY_MCP_SESSIONS_MAX", value_name = "COUNT", global = true, help_heading = "MCP server")]
    pub mcp_sessions_max: Option<String>,

    /// Seconds that such a session stays open while nothing is asked, nothing is under way and no stream is open
    /// [default: 300]
    #[arg(long, env = "PARLEY_MCP_SESSION_IDLE", value_name = "SECONDS", global = true, help_heading = "MCP server")]
    pub mcp_session_idle: Option<String>,

    /// Endpoints besides /mcp, with blanks between them, each /mcp/PATH=TOOLSET,TOOLSET (conversations,
    /// collections, edits, chat, sentiment, arithmetic, clock, web, lorem, attachments, resources, prompts)
    #[arg(long, env = "PARLEY_MCP_ENDPOINTS", value_name = "ENDPOINTS", global = true, help_heading = "MCP server")]
    pub mcp_endpoints: Option<String>,

    /// File of MCP servers for everybody here, in Claude Desktop's shape: {"mcpServers": {"name": {"command": …}}};
    /// check-config names every fault in it, and in keys and files that it names
    #[arg(long, env = "PARLEY_MCP_SERVERS", value_name = "FILE", global = true, help_heading = "MCP servers")]
    pub mcp_servers: Option<String>,

    /// Whether people may connect MCP servers on this machine and in private networks: deny, loopback (this machine's
    /// only) or allow [default: deny]
    #[arg(long, env = "PARLEY_MCP_PRIVATE", value_name = "WHETHER", global = true, help_heading = "MCP servers")]
    pub mcp_private: Option<String>,

    /// Percent of a model's window that MCP servers' tools may take before they are searched, not listed [default: 5]
    #[arg(long, env = "PARLEY_MCP_TOOLS_SHARE", value_name = "PERCENT", global = true, help_heading = "MCP servers")]
    pub mcp_tools_share: Option<String>,

    /// Another site of yours that leads here, from which apps of MCP servers are shown [default: none; they are shown
    /// in frames without an origin]
    #[arg(long, env = "PARLEY_APPS_ORIGIN", value_name = "URL", global = true, help_heading = "MCP servers")]
    pub apps_origin: Option<String>,

    /// Minutes that a tool call's question waits for a person, up to 1440 (a day) [default: 1440]
    #[arg(long, env = "PARLEY_APPROVAL_MINUTES", value_name = "MINUTES", global = true, help_heading = "Tools")]
    pub approval_minutes: Option<String>,

    /// Days that the record of tool calls is kept, 0 for ever [default: 90]
    #[arg(long, env = "PARLEY_RECORD_DAYS", value_name = "DAYS", global = true, help_heading = "Tools")]
    pub record_days: Option<String>,

    /// Sign-ins to one account, as 10/15m or off [default: 10/15m]
    #[arg(long, env = "PARLEY_RATE_SIGN_IN_ACCOUNT", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_sign_in_account: Option<String>,

    /// Sign-ins from one address [default: 50/15m]
    #[arg(long, env = "PARLEY_RATE_SIGN_IN_ADDRESS", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_sign_in_address: Option<String>,

    /// Sign-ups from one address [default: 10/1h]
    #[arg(long, env = "PARLEY_RATE_SIGN_UP", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_sign_up: Option<String>,

    /// Messages, edits and new replies of one person [default: 30/1m]
    #[arg(long, env = "PARLEY_RATE_SEND", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_send: Option<String>,

    /// New conversations of one person [default: 100/1h]
    #[arg(long, env = "PARLEY_RATE_CREATE", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_create: Option<String>,

    /// Searches of one person [default: 60/1m]
    #[arg(long, env = "PARLEY_RATE_SEARCH", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_search: Option<String>,

    /// Calls of tools, readings and completions by one person's programs over MCP, and by tools' apps [default: 120/1m]
    #[arg(long, env = "PARLEY_RATE_CALL", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_call: Option<String>,

    /// What one person's apps tell the model for the next message [default: 300/1m]
    #[arg(long, env = "PARLEY_RATE_TELL", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_tell: Option<String>,

    /// Sessions that one person's programs begin over MCP [default: 60/1m]
    #[arg(long, env = "PARLEY_RATE_MCP_SESSION", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_mcp_session: Option<String>,

    /// Registrations of programs that sign in to /mcp, from one address [default: 20/1h]
    #[arg(long, env = "PARLEY_RATE_REGISTER", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_register: Option<String>,

    /// Fetches of such programs' metadata documents for one person [default: 30/1h]
    #[arg(long, env = "PARLEY_RATE_CLIENT_DOCUMENT", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_client_document: Option<String>,

    /// Frames of one socket [default: 60/10s]
    #[arg(long, env = "PARLEY_RATE_FRAMES", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_frames: Option<String>,

    /// Requests from one address, static files not counted [default: 1200/1m]
    #[arg(long, env = "PARLEY_RATE_REQUEST", value_name = "RATE", global = true, help_heading = "Limits")]
    pub rate_request: Option<String>,
}
