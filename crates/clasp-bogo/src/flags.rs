//! What the runner says on the command line: one set of flags for each connection of a test.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why the flags are not those of a test that can be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FlagError {
    /// This shim, or Clasp, has not what the flag asks for.
    Unimplemented(String),
    /// The value does not parse.
    Bad(String),
}

/// A certificate chain with its key, as flags name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) cert_file: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) signing_prefs: Vec<u16>,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) sct_list: Option<Vec<u8>>,
    /// It is for peers alone that name its issuer.
    pub(crate) must_match_issuer: bool,
    pub(crate) kind: CredentialKind,
    /// What a pre-shared key is imported with.
    pub(crate) psk_key: Vec<u8>,
    pub(crate) psk_identity: Vec<u8>,
    pub(crate) psk_context: Vec<u8>,
    pub(crate) psk_sha384: bool,
}

/// What a credential is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CredentialKind {
    #[default]
    X509,
    RawPublicKey,
    PreSharedKey,
}

macro_rules! flags {
    (
        switches { $($switch:literal => $switch_field:ident;)* }
        numbers { $($number:literal => $number_field:ident;)* }
        lists { $($list:literal => $list_field:ident;)* }
        texts { $($text:literal => $text_field:ident;)* }
        bytes { $($bytes:literal => $bytes_field:ident;)* }
        byte_lists { $($byte_list:literal => $byte_list_field:ident;)* }
    ) => {
        /// The flags of one connection.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Flags {
            $(pub(crate) $switch_field: bool,)*
            $(pub(crate) $number_field: Option<i64>,)*
            $(pub(crate) $list_field: Vec<u16>,)*
            $(pub(crate) $text_field: Option<String>,)*
            $(pub(crate) $bytes_field: Option<Vec<u8>>,)*
            $(pub(crate) $byte_list_field: Vec<Vec<u8>>,)*
            /// That of the flags that stand before any `-new-x509-credential`.
            pub(crate) default_credential: Credential,
            pub(crate) credentials: Vec<Credential>,
        }

        impl Flags {
            /// Takes a flag. `Some`: it is known; whether it has a value.
            fn takes_value(name: &str) -> Option<bool> {
                match name {
                    $($switch => Some(false),)*
                    "-new-x509-credential" | "-new-rpk-credential" | "-new-psk-credential" => Some(false),
                    "-must-match-issuer" | "-psk-importer-sha256" | "-psk-importer-sha384" => Some(false),
                    $($number => Some(true),)*
                    $($list => Some(true),)*
                    $($text => Some(true),)*
                    $($bytes => Some(true),)*
                    $($byte_list => Some(true),)*
                    "-cert-file" | "-key-file" | "-signing-prefs" | "-ocsp-response" | "-signed-cert-timestamps" => {
                        Some(true)
                    }
                    "-psk-importer-key" | "-psk-importer-identity" | "-psk-importer-context" => Some(true),
                    _ => None,
                }
            }

            fn set(&mut self, name: &str, value: &str) -> Result<(), FlagError> {
                let bad = || FlagError::Bad(format!("{name} {value}"));
                match name {
                    $($switch => self.$switch_field = true,)*
                    "-new-x509-credential" | "-new-rpk-credential" | "-new-psk-credential" => {
                        let kind = match name {
                            "-new-rpk-credential" => CredentialKind::RawPublicKey,
                            "-new-psk-credential" => CredentialKind::PreSharedKey,
                            _ => CredentialKind::X509,
                        };
                        self.credentials.push(Credential { kind, ..Credential::default() });
                    }
                    $($number => self.$number_field = Some(value.parse().map_err(|_| bad())?),)*
                    $($list => self.$list_field.push(value.parse().map_err(|_| bad())?),)*
                    $($text => self.$text_field = Some(value.to_owned()),)*
                    $($bytes => self.$bytes_field = Some(STANDARD.decode(value).map_err(|_| bad())?),)*
                    $($byte_list => self.$byte_list_field.push(STANDARD.decode(value).map_err(|_| bad())?),)*
                    _ => {
                        let credential = self.credentials.last_mut().unwrap_or(&mut self.default_credential);
                        let bytes = || STANDARD.decode(value).map_err(|_| bad());
                        match name {
                            "-cert-file" => credential.cert_file = Some(value.to_owned()),
                            "-key-file" => credential.key_file = Some(value.to_owned()),
                            "-signing-prefs" => credential.signing_prefs.push(value.parse().map_err(|_| bad())?),
                            "-ocsp-response" => {
                                credential.ocsp_response = Some(bytes()?);
                            }
                            "-signed-cert-timestamps" => {
                                credential.sct_list = Some(STANDARD.decode(value).map_err(|_| bad())?);
                            }
                            "-must-match-issuer" => credential.must_match_issuer = true,
                            "-psk-importer-key" => credential.psk_key = bytes()?,
                            "-psk-importer-identity" => credential.psk_identity = bytes()?,
                            "-psk-importer-context" => credential.psk_context = bytes()?,
                            "-psk-importer-sha256" => credential.psk_sha384 = false,
                            "-psk-importer-sha384" => credential.psk_sha384 = true,
                            _ => return Err(bad()),
                        }
                    }
                }
                Ok(())
            }
        }
    };
}

flags! {
    switches {
        "-ipv6" => ipv6;
        "-server" => server;
        "-async" => asynchronous;
        "-implicit-handshake" => implicit_handshake;
        "-handshake-twice" => handshake_twice;
        "-no-op-extra-handshake" => no_op_extra_handshake;
        "-handshake-never-done" => handshake_never_done;
        "-no-tls13" => no_tls13;
        "-no-tls12" => no_tls12;
        "-no-tls11" => no_tls11;
        "-no-tls1" => no_tls1;
        "-no-ticket" => no_ticket;
        "-use-ticket-callback" => use_ticket_callback;
        "-server-preference" => server_preference;
        "-cbc-record-splitting" => cbc_record_splitting;
        "-partial-write" => partial_write;
        "-enable-grease" => enable_grease;
        "-permute-extensions" => permute_extensions;
        "-shim-writes-first" => shim_writes_first;
        "-shim-shuts-down" => shim_shuts_down;
        "-check-close-notify" => check_close_notify;
        "-write-different-record-sizes" => write_different_record_sizes;
        "-read-with-unfinished-write" => read_with_unfinished_write;
        "-key-update" => key_update;
        "-key-update-before-read" => key_update_before_read;
        "-verify-peer" => verify_peer;
        "-verify-fail" => verify_fail;
        "-use-custom-verify-callback" => use_custom_verify_callback;
        "-require-any-client-certificate" => require_any_client_certificate;
        "-use-old-client-cert-callback" => use_old_client_cert_callback;
        "-use-early-callback" => use_early_callback;
        "-fail-early-callback" => fail_early_callback;
        "-install-ddos-callback" => install_ddos_callback;
        "-fail-ddos-callback" => fail_ddos_callback;
        "-fail-cert-callback" => fail_cert_callback;
        "-decline-alpn" => decline_alpn;
        "-reject-alpn" => reject_alpn;
        "-enable-ocsp-stapling" => enable_ocsp_stapling;
        "-enable-signed-cert-timestamps" => enable_signed_cert_timestamps;
        "-enable-early-data" => enable_early_data;
        "-use-export-context" => use_export_context;
        "-use-exporter-between-reads" => use_exporter_between_reads;
        "-tls-unique" => tls_unique;
        "-renegotiate-once" => renegotiate_once;
        "-renegotiate-freely" => renegotiate_freely;
        "-install-cert-compression-algs" => install_cert_compression_algs;
        "-renegotiate-explicit" => renegotiate_explicit;
        "-cnsa-202407" => cnsa_202407;
        "-fips-202205" => fips_202205;
        "-wpa-202304" => wpa_202304;
        "-cnsa1-202603" => cnsa1_202603;
        "-cnsa2-202603" => cnsa2_202603;
        "-use-ocsp-callback" => use_ocsp_callback;
        "-set-ocsp-in-callback" => set_ocsp_in_callback;
        "-decline-ocsp-callback" => decline_ocsp_callback;
        "-fail-ocsp-callback" => fail_ocsp_callback;
        "-ignore-rsa-key-usage" => ignore_rsa_key_usage;
        "-expect-key-usage-invalid" => expect_key_usage_invalid;
        "-renegotiate-ignore" => renegotiate_ignore;
        "-allow-hint-mismatch" => allow_hint_mismatch;
        "-use-ticket-aead-callback" => use_ticket_aead_callback;
        "-renew-ticket" => renew_ticket;
        "-skip-ticket" => skip_ticket;
        "-no-key-shares" => no_key_shares;
        "-send-alert" => send_alert;
        // What is read is there to be looked at as long as one keeps it, so this asks for no more.
        "-peek-then-read" => peek_then_read;
        "-export-traffic-secrets" => export_traffic_secrets;
        "-false-start" => false_start;
        "-no-server-name-ack" => no_server_name_ack;
        "-reverify-on-resume" => reverify_on_resume;
        "-expect-session-miss" => expect_session_miss;
        "-expect-no-session" => expect_no_session;
        "-expect-session-id" => expect_session_id;
        "-expect-no-session-id" => expect_no_session_id;
        "-expect-ticket-renewal" => expect_ticket_renewal;
        "-expect-ticket-supports-early-data" => expect_ticket_supports_early_data;
        "-expect-accept-early-data" => expect_accept_early_data;
        "-expect-reject-early-data" => expect_reject_early_data;
        "-expect-no-offer-early-data" => expect_no_offer_early_data;
        "-expect-extended-master-secret" => expect_extended_master_secret;
        "-expect-secure-renegotiation" => expect_secure_renegotiation;
        "-expect-no-secure-renegotiation" => expect_no_secure_renegotiation;
        "-expect-verify-result" => expect_verify_result;
        "-expect-no-peer-cert" => expect_no_peer_cert;
        "-expect-no-server-name" => expect_no_server_name;
        "-expect-hrr" => expect_hrr;
        "-forbid-renegotiation-after-handshake" => forbid_renegotiation_after_handshake;
        "-fallback-scsv" => fallback_scsv;
        "-enable-ech-grease" => enable_ech_grease;
        "-expect-ech-accept" => expect_ech_accept;
        "-expect-no-ech-name-override" => expect_no_ech_name_override;
        "-expect-no-ech-retry-configs" => expect_no_ech_retry_configs;
        "-expect-no-hrr" => expect_no_hrr;
    }
    numbers {
        "-port" => port;
        "-shim-id" => shim_id;
        "-resume-count" => resume_count;
        "-resumption-delay" => resumption_delay;
        "-min-version" => min_version;
        "-max-version" => max_version;
        "-max-cert-list" => max_cert_list;
        "-read-size" => read_size;
        "-export-keying-material" => export_keying_material;
        "-install-one-cert-compression-alg" => install_one_cert_compression_alg;
        "-expect-version" => expect_version;
        "-expect-cipher" => expect_cipher;
        "-expect-cipher-aes" => expect_cipher_aes;
        "-expect-cipher-no-aes" => expect_cipher_no_aes;
        "-expect-curve-id" => expect_curve_id;
        "-expect-peer-signature-algorithm" => expect_peer_signature_algorithm;
        "-expect-total-renegotiations" => expect_total_renegotiations;
        "-expect-selected-credential" => expect_selected_credential;
        "-expect-peer-certificate-type" => expect_peer_certificate_type;
        "-max-send-fragment" => max_send_fragment;
        "-expect-ticket-age-skew" => expect_ticket_age_skew;
        "-early-write-after-message" => early_write_after_message;
    }
    lists {
        "-curves" => curves;
        "-curves-flags" => curves_flags;
        "-key-shares" => key_shares;
        "-server-supported-groups-hint" => server_supported_groups_hint;
        "-verify-prefs" => verify_prefs;
        "-expect-peer-verify-pref" => expect_peer_verify_prefs;
        "-ech-is-retry-config" => ech_is_retry_config;
        "-accepted-peer-cert-types" => accepted_peer_cert_types;
        "-available-client-cert-types" => available_client_cert_types;
    }
    texts {
        "-handshaker-path" => handshaker_path;
        "-trust-cert" => trust_cert;
        "-host-name" => host_name;
        "-cipher" => cipher;
        "-psk" => psk;
        "-psk-identity" => psk_identity;
        "-advertise-alpn" => advertise_alpn;
        "-select-alpn" => select_alpn;
        "-export-label" => export_label;
        "-export-context" => export_context;
        "-use-client-ca-list" => use_client_ca_list;
        "-expect-alpn" => expect_alpn;
        "-expect-advertised-alpn" => expect_advertised_alpn;
        "-expect-server-name" => expect_server_name;
        "-expect-client-ca-list" => expect_client_ca_list;
        "-expect-peer-cert-file" => expect_peer_cert_file;
        "-expect-early-data-reason" => expect_early_data_reason;
        "-expect-msg-callback" => expect_messages;
        "-expect-ech-name-override" => expect_ech_name_override;
    }
    bytes {
        "-expect-ocsp-response" => expect_ocsp_response;
        "-expect-signed-cert-timestamps" => expect_signed_cert_timestamps;
        "-expect-certificate-types" => expect_certificate_types;
        "-expect-peer-rpk-sha256" => expect_peer_rpk_sha256;
        "-ech-config-list" => ech_config_list;
        "-expect-ech-retry-configs" => expect_ech_retry_configs;
    }
    byte_lists {
        "-ech-server-config" => ech_server_configs;
        "-ech-server-key" => ech_server_keys;
    }
}

/// The flags of a test's connections.
#[derive(Debug, Default)]
pub(crate) struct Test {
    pub(crate) initial: Flags,
    /// For those that resume.
    pub(crate) resume: Flags,
    /// For what comes after early data was not taken.
    pub(crate) retry: Flags,
}

/// Parses the command line. A flag applies to all connections, or to those its prefix names.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<Test, FlagError> {
    let mut test = Test::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        // There is one process here, so what is meant for the other is not for this one.
        let (name, is_ours) = match (arg.strip_prefix("-on-shim"), arg.strip_prefix("-on-handshaker")) {
            (Some(name), _) => (name, true),
            (_, Some(name)) => (name, false),
            _ => (&arg[..], true),
        };
        let prefixes = ["-on-initial", "-on-resume", "-on-retry"];
        let (name, only) = match prefixes.iter().position(|prefix| name.starts_with(prefix)) {
            Some(place) => (&name[prefixes[place].len()..], Some(place)),
            None => (name, None),
        };
        let value = match Flags::takes_value(name) {
            None => return Err(FlagError::Unimplemented(name.to_owned())),
            Some(true) => args.next().ok_or_else(|| FlagError::Bad(format!("{name} has no value")))?,
            Some(false) => String::new(),
        };
        for (place, flags) in [&mut test.initial, &mut test.resume, &mut test.retry].into_iter().enumerate() {
            if is_ours && only.is_none_or(|only| only == place) {
                flags.set(name, &value)?;
            }
        }
    }
    Ok(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Test, FlagError> {
        parse(line.split(' ').map(ToOwned::to_owned))
    }

    #[test]
    fn a_flag_is_for_all_connections_or_for_those_it_names() {
        let test = parsed("-server -port 7 -on-resume-no-tls13 -on-shim-on-initial-curves 23 -curves 29").unwrap();
        assert!(test.initial.server && test.resume.server && test.retry.server);
        assert!(!test.initial.no_tls13 && test.resume.no_tls13 && !test.retry.no_tls13);
        assert_eq!((&test.initial.curves[..], &test.resume.curves[..]), (&[23, 29][..], &[29][..]));
        assert!(!parsed("-on-handshaker-server").unwrap().initial.server);
    }

    #[test]
    fn files_belong_to_the_credential_before_them() {
        let test = parsed("-cert-file a -new-x509-credential -cert-file b -signing-prefs 1027").unwrap().initial;
        assert_eq!(test.default_credential.cert_file.as_deref(), Some("a"));
        assert_eq!(test.credentials.len(), 1);
        assert_eq!(test.credentials[0].cert_file.as_deref(), Some("b"));
        assert_eq!(test.credentials[0].signing_prefs, [1027]);
    }

    #[test]
    fn what_stands_several_times_is_kept_in_order() {
        let line = "-ech-server-config AQ== -ech-is-retry-config 0 -ech-server-config Ag== -ech-is-retry-config 1";
        let test = parsed(line).unwrap().initial;
        assert_eq!((test.ech_server_configs, test.ech_is_retry_config), (vec![vec![1], vec![2]], vec![0, 1]));
        assert!(matches!(parsed("-ech-server-key ?").unwrap_err(), FlagError::Bad(_)));
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(parsed("-dtls").unwrap_err(), FlagError::Unimplemented("-dtls".to_owned()));
        assert_eq!(parsed("-port x").unwrap_err(), FlagError::Bad("-port x".to_owned()));
        assert!(matches!(parsed("-server -port").unwrap_err(), FlagError::Bad(_)));
    }
}
