//! An echo server: `echo_server ADDR CHAIN.pem KEY.pem`.

use std::time::Duration;

use clasp_tokio::Acceptor;
use clasp_tokio::handshake::{Policy, ServerConfig, cert::Identity};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, chain, key] = words.as_slice() else {
        return Err("usage: echo_server ADDR CHAIN.pem KEY.pem".into());
    };
    let config = ServerConfig::builder(Policy::modern()).identity(Identity::from_pem_files(chain, key)?).build()?;
    let acceptor = Acceptor::new(config);
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (tcp, from) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let served = async {
                let tls = timeout(Duration::from_secs(10), acceptor.accept(tcp)).await??;
                println!("{from}: {} {}", tls.session().version(), tls.session().cipher_suite());
                let (mut read, mut write) = tokio::io::split(tls);
                tokio::io::copy(&mut read, &mut write).await?;
                write.shutdown().await?;
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            };
            if let Err(error) = served.await {
                eprintln!("{from}: {error}");
            }
        });
    }
}
