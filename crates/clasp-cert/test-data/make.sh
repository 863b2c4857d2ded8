#!/bin/sh
# Makes the files of this folder anew; see README.md. Needs OpenSSL 3.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = ours
[ours]
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = none
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:host.example, DNS:*.wild.example, IP:192.0.2.7, IP:2001:db8::7
[signing]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectAltName = DNS:host.example
CNF

# make NAME EXTENSIONS START END SUBJECT ISSUER: a certificate for NAME.key.pem.
make() {
    : > "$work/index.txt"
    openssl req -new -key "$1.key.pem" -subj "/CN=$5" -out "$work/$1.csr" 2> /dev/null
    openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$2" -startdate "$3" -enddate "$4" \
        -in "$work/$1.csr" -out "$1.pem" $6 2> /dev/null
}

far=21190101000000Z
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out ca.key.pem 2> /dev/null
make ca authority 20200101000000Z $far "Clasp RSA Test CA" "-selfsign -keyfile ca.key.pem"
by="-cert ca.pem -keyfile ca.key.pem"

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key.pem 2> /dev/null
make rsa leaf 20200101000000Z $far host.example "$by"
cp rsa.key.pem expired.key.pem
make expired leaf 20200101000000Z 20210101000000Z host.example "$by"
rm expired.key.pem
for curve in P-256 P-384 P-521; do
    name=$(echo "$curve" | tr -d - | tr P p)
    openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out "$name.key.pem"
    make "$name" signing 20200101000000Z $far host.example "$by"
done
openssl genpkey -algorithm ED25519 -out ed25519.key.pem
make ed25519 signing 20200101000000Z $far host.example "$by"
cp rsa.key.pem pss.key.pem
make pss leaf 20200101000000Z $far host.example "$by -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"
rm pss.key.pem

openssl x509 -in rsa.pem -outform DER -out rsa.der
openssl pkcs8 -topk8 -nocrypt -in rsa.key.pem -outform DER -out rsa.key.der
openssl rsa -in rsa.key.pem -traditional -out rsa.pkcs1.key.pem 2> /dev/null
openssl ec -in p256.key.pem -out p256.sec1.key.pem 2> /dev/null
openssl pkcs8 -topk8 -in rsa.key.pem -passout pass:clasp -out rsa.encrypted.key.pem
openssl rsa -in rsa.key.pem -traditional -aes256 -passout pass:clasp -out rsa.encrypted.pkcs1.key.pem 2> /dev/null

sh encrypted/make.sh
sh legacy/make.sh
