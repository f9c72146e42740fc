//! The whole server, from outside. One program for all of it: linking it takes longer than running it.

mod assets;
mod bad_frames;
mod chat_socket;
mod cli;
mod crash;
mod drain;
mod guide;
mod limits;
mod mcp_http;
mod mcp_stdio;
mod origin;
mod restart;
mod rooms;
mod security_headers;
mod sign_in;
mod support;
