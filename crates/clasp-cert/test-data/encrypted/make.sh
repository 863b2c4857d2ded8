#!/bin/sh
# Makes the files of this folder anew; see ../README.md. Needs OpenSSL 3.0.
set -eu
cd "$(dirname "$0")"
p8() {
    openssl pkcs8 -topk8 -in ../p256.key.pem -passout pass:clasp -out "$1" $2
}
p8 aes256.key.pem "-v2 aes-256-cbc"
p8 aes128-sha1.key.pem "-v2 aes-128-cbc -v2prf hmacWithSHA1"
p8 des3.key.pem "-v2 des3"
p8 scrypt.key.pem "-scrypt"
p8 aes256.key.der "-v2 aes-256-cbc -outform DER"
p8 pbes1.key.pem "-v1 PBE-MD5-DES -provider legacy -provider default"
p8 pkcs12-pbe.key.pem "-v1 PBE-SHA1-3DES"

p12() {
    out=$1
    shift
    openssl pkcs12 -export -in ../p256.pem -inkey ../p256.key.pem -certfile ../ca.pem -out "$out" "$@"
}
p12 usual.p12 -passout pass:clasp
p12 legacy.p12 -passout pass:clasp -legacy
p12 named.p12 -passout pass:clasp -name "the name"
p12 no-mac.p12 -passout pass:clasp -nomac
p12 no-password.p12 -passout pass:
p12 pbes1-rc2.p12 -passout pass:clasp -legacy -keypbe PBE-SHA1-RC2-40
openssl pkcs12 -export -in ../p256.pem -nokeys -passout pass:clasp -out no-key.p12
openssl pkcs12 -export -inkey ../p256.key.pem -nocerts -passout pass:clasp -out no-certificate.p12
openssl pkcs12 -export -in ../ca.pem -inkey ../ca.key.pem -passout pass:clasp -out root.p12
