#!/bin/sh
# Makes the files of this folder anew; see ../README.md. Needs OpenSSL 3.0.
set -eu
cd "$(dirname "$0")"
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
policy = any
copy_extensions = none
default_crl_days = 30000
crl_extensions = list
[any]
commonName = supplied
[list]
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[leaf]
subjectAltName = DNS:host.example
[other]
subjectAltName = DNS:other.example
[mail]
subjectAltName = email:root@host.example
[nameless]
basicConstraints = CA:FALSE
[device]
basicConstraints = CA:TRUE
CNF

# key NAME BITS: an RSA key.
key() {
    openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$2" -out "$work/$1.key.pem" 2> /dev/null
}

# make NAME KEY EXTENSIONS HASH SUBJECT ISSUER [END]: a certificate, of version 1 where EXTENSIONS is none.
make() {
    : > "$work/index.txt"
    extensions="-extensions $3"
    [ "$3" != none ] || extensions=
    by="-cert $6.pem -keyfile $work/$6.key.pem"
    [ "$6" != self ] || by="-selfsign -keyfile $work/$2.key.pem"
    openssl req -new -key "$work/$2.key.pem" -subj "/CN=$5" -out "$work/$1.csr" 2> /dev/null
    openssl ca -batch -notext -config "$work/ca.cnf" $extensions -md "$4" -startdate 20200101000000Z \
        -enddate "${7-21190101000000Z}" -in "$work/$1.csr" -out "$1.pem" $by 2> /dev/null
}

key root 2048
make root root authority sha256 "Clasp Root" self
key root-v1 1024
make root-v1 root-v1 none sha1 "Clasp Root of Version 1" self
key root-1024 1024
make root-1024 root-1024 authority sha1 "Clasp Root of 1024 Bits" self
key root-512 512
make root-512 root-512 authority sha1 "Clasp Root of 512 Bits" self
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/root-ec.key.pem"
make root-ec root-ec authority sha1 "Clasp Elliptic Root" self

key host 1024
cp "$work/host.key.pem" .
make sha1 host leaf sha1 host.example root
make md5 host leaf md5 host.example root
make ecdsa-sha1 host leaf sha1 host.example root-ec
make by-1024 host leaf sha256 host.example root-1024
make by-512 host leaf sha1 host.example root-512
make v3-by-v1 host leaf sha1 host.example root-v1
make common-name host nameless sha256 host.example root
make other-name host other sha256 host.example root
make mail-name host mail sha256 host.example root
make v1 host none sha1 host.example root
make v1-by-v1 host none sha1 host.example root-v1
make v1-wildcard host none sha1 "*.wild.example" root
make v1-address host none sha1 192.0.2.7 root
make v1-expired host none sha1 host.example root 20210101000000Z
make v1-md5 host none md5 host.example root

key middle 1024
make middle middle authority sha1 "Clasp Middle" root
make v1-by-middle host none sha1 host.example middle
make middle-v1 middle none sha1 "Clasp Middle of Version 1" root
cp "$work/middle.key.pem" "$work/middle-v1.key.pem"
make v1-by-middle-v1 host none sha1 host.example middle-v1
make v3-by-middle-v1 host leaf sha1 host.example middle-v1
cp "$work/host.key.pem" "$work/sha1.key.pem"
make v1-by-leaf host none sha1 deeper.example sha1

key device 1024
cp "$work/device.key.pem" .
make device device device sha1 device.example self
make device-v1 device none md5 device.example self
