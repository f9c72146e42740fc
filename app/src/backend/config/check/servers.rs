//! What the settings say of MCP servers and of the keys for people's secrets.

use super::read::{Faults, list, said, secret};
use crate::backend::{
    config::{Nearby, SecretsConfig, ServersConfig, Settings, servers},
    secrets::check_key,
};
use secrecy::ExposeSecret;
use std::path::Path;

/// Percent of a model's window that connected servers' tools may take before they are searched instead of listed.
const TOOLS_SHARE: u64 = 5;

impl Settings {
    pub(super) fn servers(&self, faults: &mut Faults, environment: &impl Fn(&str) -> Option<String>) -> ServersConfig {
        const FILE: &str = "PARLEY_MCP_SERVERS";
        let found = said(self.mcp_servers.as_ref()).map(|file| match std::fs::read_to_string(file) {
            Ok(text) => servers::parse(&text, environment),
            Err(error) => Err(vec![format!("«{file}» cannot be read: {error}")]),
        });
        let operator = found.unwrap_or_else(|| Ok(Vec::new())).unwrap_or_else(|reasons| {
            for reason in reasons {
                faults.add(FILE, reason);
            }
            Vec::new()
        });
        let may = [("deny", Nearby::None), ("loopback", Nearby::ThisMachine), ("allow", Nearby::All)];
        ServersConfig {
            operator,
            private: faults.choice("PARLEY_MCP_PRIVATE", self.mcp_private.as_ref(), &may, Nearby::None),
            tools_share: faults.number("PARLEY_MCP_TOOLS_SHARE", self.mcp_tools_share.as_ref(), TOOLS_SHARE, 100),
        }
    }

    pub(super) fn secrets(&self, faults: &mut Faults, folder: &Path) -> SecretsConfig {
        let said = secret(self.secret_keys.as_ref());
        let keys: Vec<_> = said.iter().flat_map(|text| list(text.expose_secret())).map(Into::into).collect();
        for key in &keys {
            let key: &secrecy::SecretString = key;
            if let Err(reason) = check_key(key.expose_secret()) {
                faults.add("PARLEY_SECRET_KEYS", reason);
            }
        }
        SecretsConfig { keys, file: folder.join("secret.key") }
    }
}
