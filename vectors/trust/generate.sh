#!/bin/sh
# Makes the files in this folder anew with ssh-keygen of OpenSSH, from the keys in ../keys. Certificates have random
# nonces, so they come out different each time; what is made from them is made in the same run.
set -eu
cd "$(dirname "$0")"
keys=../keys
plain='ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072'
rm -rf certificates krl krl.* hash
mkdir certificates

# Certificates of users, signed by two authorities. The private keys are copied, since theirs must not be readable by
# others.
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
for name in ed25519 rsa2048; do
    cp "$keys/$name" "$temporary/$name"
    chmod 600 "$temporary/$name"
done
certify() { # authority serial key-id subject
    cp "$keys/$4.pub" "$temporary/subject.pub"
    ssh-keygen -q -s "$temporary/$1" -z "$2" -I "$3" -n someone -V 20000101:20990101 "$temporary/subject.pub"
    mv "$temporary/subject-cert.pub" "certificates/$1-$2-$(echo "$3" | tr ' ' '_')-$4.pub"
}
for serial in 0 1 4 5 6 9 10 15 20 21 99 100 101 102 103 104 163 164 165 1000 1000000 18446744073709551615; do
    certify ed25519 "$serial" plain ecdsa521
done
certify ed25519 7 'lost laptop' ecdsa521
certify ed25519 0 'lost laptop' ecdsa521
certify rsa2048 5 plain ecdsa521
certify rsa2048 5 'lost laptop' ecdsa521
certify ed25519 1 plain ecdsa256
certify ed25519 1 plain ecdsa384

# A revocation list with every kind of section that ssh-keygen writes.
{
    echo '# a comment'
    echo 'serial: 5'
    echo 'serial: 10-20'
    for serial in $(seq 100 2 164); do echo "serial: $serial"; done
    echo 'serial: 1000000-18446744073709551615'
    echo 'id: lost laptop'
    echo "key: $(cat $keys/ecdsa256.pub)"
    echo "sha1: $(cat $keys/rsa3072.pub)"
    echo "sha256: $(cat $keys/ecdsa384.pub)"
} >krl.specification
ssh-keygen -q -k -f krl -s "$keys/ed25519.pub" -z 7 krl.specification
# One that revokes the authority itself, and certificates of any authority.
{
    echo 'id: plain'
    echo "key: $(cat $keys/ed25519.pub)"
} >krl.any.specification
ssh-keygen -q -k -f krl.any -s none krl.any.specification

# What ssh-keygen says of each key and certificate.
for list in krl krl.any; do
    for key in certificates/*.pub $(for name in $plain; do echo "$keys/$name.pub"; done); do
        verdict=ok
        ssh-keygen -Q -f "$list" "$key" >/dev/null 2>&1 || verdict=REVOKED
        echo "$key $verdict"
    done >"$list.verdicts"
done
chmod 644 certificates/* krl*
chmod 755 generate.sh

# known_hosts files of all shapes, on which we and ssh in strict mode must agree about hosts that show the keys
# ed25519, ecdsa256 and rsa2048. In the names, @PORT@ stands for the port of the server, which is at 127.0.0.1.
rm -rf known_hosts
mkdir known_hosts
key() { cut -d' ' -f1,2 "$keys/$1.pub"; }
base64=$(key ed25519 | cut -d' ' -f2)
{
    echo "plain.example $(key ed25519)"
    echo "plain.example $(key ecdsa256)"
    echo "[127.0.0.1]:@PORT@ $(key ed25519)"
} >known_hosts/known
{
    echo "plain.example $(key rsa3072)"
    echo "plain.example $(key ecdsa256)"
    echo "[127.0.0.1]:@PORT@ $(key rsa3072)"
} >known_hosts/changed
{
    echo "plain.example $(key rsa3072)"
    echo "plain.example $(key rsa2048)"
    echo "127.0.0.1 $(key ed25519)"
    echo "127.0.0.1 $(key rsa3072)"
} >known_hosts/second-key-and-no-port
{
    echo "@revoked plain.example $(key ed25519)"
    echo "plain.example $(key ed25519)"
    echo "plain.example $(key ecdsa256)"
    echo "@revoked * $(key rsa2048)"
    echo "* $(key rsa2048)"
    echo "@revoked [127.0.0.1]:@PORT@ $(key ecdsa256)"
} >known_hosts/revoked
{
    echo "@cert-authority plain.example $(key ed25519)"
    echo "@cert-authority * $(key ecdsa256)"
    echo "@unknown plain.example $(key rsa2048)"
    echo "@revoked @cert-authority plain.example $(key rsa2048)"
    echo "@revokedplain.example $(key rsa2048)"
} >known_hosts/markers
{
    echo "*.example,!other.example $(key ed25519)"
    echo "!plain.example,*.example $(key ecdsa256)"
    echo "pl?in.*,[127.0.*]:* $(key rsa2048)"
} >known_hosts/patterns
{
    echo "plain.example,other.example $(key ed25519)"
    echo "[127.0.0.1]:@PORT@ $(key ecdsa256)"
} >known_hosts/hashed
ssh-keygen -q -H -f known_hosts/hashed >/dev/null 2>&1
rm -f known_hosts/hashed.old
{
    echo "|1|AAAA|AAAA $(key ed25519)"
    echo "|1| $(key ed25519)"
    echo "|2|$(sed -n 's/^|1|\([^ ]*\).*/\1/p;q' known_hosts/hashed) $(key ed25519)"
    echo "plain.example"
    echo "plain.example ssh-ed25519"
    echo "plain.example ssh-rsa $base64"
    echo "plain.example ssh-unknown $base64"
    echo "plain.example ssh-ed25519 AAAA$base64"
    echo "plain.example 1024 35 1234567890"
    echo "plain.example,$(key ed25519)"
    echo "#plain.example $(key ed25519)"
    echo "plain.example. $(key ed25519)"
    echo "[plain.example] $(key ecdsa256)"
    echo "[plain.example]:22 $(key ecdsa256)"
    printf '\n \t\n'
    printf '  \tplain.example \t %s comment with words\r\n' "$(key rsa2048)"
    printf 'other.example %s' "$(key ed25519)"
} >known_hosts/damaged
{
    echo "PLAIN.example $(key ed25519)"
    echo "a,,plain.example $(key ecdsa256)"
    echo "other.example, $(key ed25519)"
    echo ",other.example $(key ecdsa256)"
} >known_hosts/case-and-commas
: >known_hosts/empty
chmod 644 known_hosts/*
