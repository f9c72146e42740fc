//! Every number a user can hit, with its reason. The page shows the same number the server enforces.

/// Characters in a message: about 8,000 tokens, a long article; more belongs into a file.
pub const MESSAGE_MAX: usize = 32_000;
/// From this share of [`MESSAGE_MAX`] on the composer shows what is left.
pub const MESSAGE_WARN: usize = MESSAGE_MAX - 2_000;
/// Bytes of one socket frame from a tab: a full message of four-byte characters, JSON-escaped, with room for its keys.
pub const FRAME_MAX: usize = 256 * 1024;
/// Bytes of a request's body: forms are short, the longest message is no more than a frame, and files do not come yet.
pub const BODY_MAX: usize = FRAME_MAX;
/// Characters in a conversation's title: what a sidebar can show in two lines.
pub const TITLE_MAX: usize = 120;
/// Characters in a user name.
pub const USERNAME_MIN: usize = 2;
/// Characters in a user name: fits a bubble's caption on a phone.
pub const USERNAME_MAX: usize = 32;
/// Characters in a password (NIST SP 800-63B asks for at least 8 with a second factor; we take 10).
pub const PASSWORD_MIN: usize = 10;
/// Characters in a password: bounds the work of hashing it.
pub const PASSWORD_MAX: usize = 256;
/// Characters in an API token's name.
pub const TOKEN_NAME_MAX: usize = 60;
/// API tokens of one person that are alive: more than one has programs.
pub const TOKENS_MAX: u32 = 50;
/// Days an API token may be made for: a year, as long as a secret should live.
pub const TOKEN_DAYS_MAX: u32 = 366;
/// Sessions of older MCP clients that one person may have open; beyond it the oldest ends.
pub const MCP_SESSIONS_MAX: usize = 16;
/// Saved prompts of one person: a list one can still read.
pub const PROMPTS_MAX: u32 = 200;
/// Characters in a saved prompt's name, and in an argument's.
pub const PROMPT_NAME_MAX: usize = 64;
/// Characters on what a saved prompt or one of its arguments is for: every client of its owner's reads them.
pub const PROMPT_DESCRIPTION_MAX: usize = 300;
/// Characters in a saved prompt: half a message, so that what is filled in has room.
pub const PROMPT_BODY_MAX: usize = MESSAGE_MAX / 2;
/// Arguments of a saved prompt.
pub const PROMPT_ARGUMENTS_MAX: usize = 20;
/// Resources one MCP subscription may name.
pub const MCP_SUBSCRIPTIONS_MAX: usize = 100;
/// Streams of changes one person's MCP clients may hold open.
pub const MCP_LISTENERS_MAX: usize = 32;
/// Items in one page of an MCP list.
pub const MCP_PAGE: u32 = 50;
/// Bytes of one MCP resource's text: what a program can still take whole; beyond it there is the export.
pub const RESOURCE_MAX: usize = 256 * 1024;
/// Resources that one message may refer to.
pub const REFERENCES_MAX: usize = 5;
/// Bytes of a resource's text that go with a message: about 18,000 tokens.
pub const REFERENCE_MAX: usize = 64 * 1024;
/// Characters of a resource's address, of a prompt's name, and of a value that is filled in.
pub const PICKED_MAX: usize = 2_000;
/// Long calls of MCP clients that one person may have at work as tasks.
pub const TASKS_MAX: u32 = 16;
/// Milliseconds a task of an MCP client is kept from its beginning: its result can be fetched the next day.
pub const TASK_TTL_MS: i64 = 24 * 3600 * 1000;
/// Milliseconds a program's access token lives: leaked, it is soon worth nothing, and a stream is not cut too often.
pub const OAUTH_ACCESS_MS: i64 = 3600 * 1000;
/// Milliseconds a program stays signed in without renewing its access: as long as a browser does.
pub const OAUTH_GRANT_MS: i64 = SESSION_MS;
/// Milliseconds a program has to turn its authorization code into tokens: it does so at once.
pub const OAUTH_CODE_MS: i64 = 60 * 1000;
/// Milliseconds that a program is known which nobody signs in with any more.
pub const OAUTH_CLIENT_MS: i64 = 30 * 24 * 3600 * 1000;
/// Characters of a program's name on the consent page.
pub const CLIENT_NAME_MAX: usize = 80;
/// Redirect URIs of one program.
pub const REDIRECT_URIS_MAX: usize = 20;
/// Bytes of a program's metadata document (the draft's advice is 5 kB).
pub const CLIENT_DOCUMENT_MAX: usize = 10 * 1024;
/// MCP servers that one person may connect: each is a warm connection, and more tools than a model can choose from.
pub const CONNECTIONS_MAX: u32 = 20;
/// Characters in a connected server's name.
pub const CONNECTION_NAME_MAX: usize = 40;
/// Characters of a header's value that a connected server is sent: the longest tokens in use fit.
pub const HEADER_VALUE_MAX: usize = 8_000;
/// Values that a server of the operator's may have a person fill in: a form that one can still see.
pub const CONNECTION_INPUTS_MAX: usize = 20;
/// Characters of such a value: the longest tokens in use fit, and all of a form's stay within [`BODY_MAX`].
pub const CONNECTION_INPUT_MAX: usize = 4_000;
/// Milliseconds a person has to sign in to a connected server at its authorization server.
pub const REMOTE_SIGN_IN_MS: i64 = 15 * 60_000;
/// Characters of a client's id or secret that a person enters for a sign-in.
pub const CLIENT_ID_MAX: usize = 500;
/// Milliseconds a connected server may be silent during a call: every sign of progress counts anew.
pub const REMOTE_SILENCE_MS: u64 = 60_000;
/// Milliseconds a call of a connected server's tool may take in all.
pub const REMOTE_CALL_MAX_MS: u64 = 15 * 60 * 1000;
/// Bytes of an app's page: what a bundler makes of a large one, scripts and all.
pub const APP_MAX: usize = 2 * 1024 * 1024;
/// Apps of which one's last copy is kept.
pub const APPS_MAX: u32 = 20;
/// Characters of an app's `ui://` address.
pub const APP_URI_MAX: usize = 500;
/// Milliseconds that an app's page is shown again without asking its server.
pub const APP_FRESH_MS: i64 = 5 * 60 * 1000;
/// Milliseconds within which a frame loads the app it was made for.
pub const APP_TICKET_MS: i64 = 2 * 60 * 1000;
/// Pixels that an app's frame is high at most: more would bury the conversation.
pub const APP_HEIGHT_MAX: u32 = 800;
/// Bytes of one message of an app's: arguments are short, and what is longer belongs to its server.
pub const APP_MESSAGE_MAX: usize = 64 * 1024;
/// Messages of one app within ten seconds; more are refused.
pub const APP_MESSAGES_MAX: u32 = 100;
/// Bytes of what an app may tell the model: some 4,000 tokens, which each next message may cost.
pub const APP_CONTEXT_MAX: usize = 16 * 1024;
/// Apps of one's in a conversation that may have told the model something for the next message; the newest ones.
pub const APP_CONTEXTS_MAX: u32 = 4;
/// Bytes of the files that an app may hand over at once.
pub const APP_FILES_SIZE_MAX: usize = 4 << 20;
/// Files that an app may hand over at once.
pub const APP_FILES_MAX: usize = 8;
/// Calls and readings of one app that may be under way at once.
pub const APP_CALLS_MAX: usize = 4;
/// Questions of one app that may wait for its person.
pub const APP_QUESTIONS_MAX: usize = 4;
/// Messages in one page of history: more than a tall screen shows.
pub const PAGE: u32 = 50;
/// Conversations in one page of the sidebar.
pub const SIDEBAR_PAGE: u32 = 100;
/// Hits of one search.
pub const SEARCH_HITS: u32 = 30;
/// Conversations that one search finds by their titles alone.
pub const SEARCH_TITLES: usize = 10;
/// Characters of a search query.
pub const SEARCH_MAX: usize = 200;
/// Members of one room: presence fans out to each of them.
pub const MEMBERS_MAX: u32 = 50;
/// Turns that may wait in one conversation.
pub const QUEUE_MAX: u32 = 20;
/// Rounds of tools in one turn: a model that needs more is lost.
pub const ROUNDS_MAX: u32 = 16;
/// Milliseconds a tool may run.
pub const TOOL_DEADLINE_MS: u64 = 30_000;
/// Milliseconds a tool may run that says it takes long: a reply with tools, and with people who are asked about them.
pub const LONG_TOOL_DEADLINE_MS: u64 = 30 * 60 * 1000;
/// Bytes of a tool's text that reach the model: about 8,000 tokens.
pub const TOOL_RESULT_MAX: usize = 32 * 1024;
/// Milliseconds a tool call's question waits for a person, at most and unless configured, before it counts as denied: a
/// day, because a question outlives the process, and whoever is asked may sleep.
pub const APPROVAL_MS: i64 = 24 * 3600 * 1000;
/// Bytes of one attachment: a photograph, a minute of sound, the text of a few books.
pub const ATTACHMENT_MAX: usize = 4 << 20;
/// Bytes of the attachments of one call.
pub const CALL_ATTACHMENTS_MAX: usize = 8 << 20;
/// Bytes of the attachments of one conversation.
pub const CONVERSATION_ATTACHMENTS_MAX: i64 = 64 << 20;
/// Images, sounds, resources and links of one call: more than a page can show.
pub const PIECES_MAX: usize = 32;
/// Characters of a resource's text that are shown at once.
pub const PREVIEW_MAX: usize = 2_000;
/// Bytes of one message of a connected server: the largest attachment in base64, and as much text beside it.
pub const REMOTE_MESSAGE_MAX: usize = 8 << 20;
/// Images of tools that a model is shown, the newest ones: each costs it as much as a page of text.
pub const PICTURES_MAX: usize = 8;
/// Bytes of one such image, and of all of them: what vendors take in base64.
pub const PICTURE_MAX: u64 = 3 << 20;
/// Milliseconds a connected server's question waits for a person, at most: an hour, for the server waits with it.
pub const SERVER_QUESTION_MS: u64 = 3600 * 1000;
/// Calls in one page of the record of tool calls.
pub const CALLS_PAGE: u32 = 20;
/// Milliseconds «is typing» is shown after the last sign of it.
pub const TYPING_MS: i64 = 6_000;
/// Milliseconds between a tab's pings; the server closes a socket silent for three of them.
pub const PING_MS: u32 = 25_000;
/// Milliseconds an invitation lives: a week.
pub const INVITATION_MS: i64 = 7 * 24 * 3600 * 1000;
/// Milliseconds a session lives without being used: 30 days.
pub const SESSION_MS: i64 = 30 * 24 * 3600 * 1000;
/// Milliseconds a deleted conversation can be brought back by «undo» and by its owner.
pub const UNDO_MS: i64 = 30 * 24 * 3600 * 1000;
/// Characters of a room name on `/ws/chat/{room}/`.
pub const ROOM_NAME_MAX: usize = 100;
