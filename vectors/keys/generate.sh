#!/bin/sh
# Makes the key files of this folder anew with ssh-keygen. They are throw-away keys that open nothing; the
# passphrase of the encrypted ones is "konko". The passphrase takes 2 rounds of bcrypt, so that tests are quick.
#
# <type>           openssh-key-v1 in the clear           <type>.pub     its public half
# <type>.<cipher>  the same key, encrypted               <type>.pem     the same key as PKCS#1 or SEC1
# <type>.pkcs8     the same key as PKCS#8                <type>.sshsig  its signature of "message" (PROTOCOL.sshsig)
#
# The DSA key takes an ssh-keygen before OpenSSH 10.
set -eu
cd "$(dirname "$0")"
rm -f ed25519* ecdsa* rsa* dss* authority* fingerprints randomarts known_hosts known_hosts.*

make() {
    name=$1
    shift
    ssh-keygen -q -t "$@" -N '' -C "konko $name" -f "$name"
    for cipher in aes128-ctr aes192-ctr aes256-ctr aes128-cbc aes192-cbc aes256-cbc 3des-cbc \
        aes128-gcm@openssh.com aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
        file="$name.${cipher%@openssh.com}"
        cp "$name" "$file"
        chmod 600 "$file"
        ssh-keygen -q -p -P '' -N konko -a 2 -Z "$cipher" -f "$file" >/dev/null
    done
}

make ed25519 ed25519
make ecdsa256 ecdsa -b 256
make ecdsa384 ecdsa -b 384
make ecdsa521 ecdsa -b 521
make rsa2048 rsa -b 2048
make rsa3072 rsa -b 3072

for name in ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072; do
    cp "$name" "$name.pem"
    cp "$name" "$name.pkcs8"
    chmod 600 "$name.pem" "$name.pkcs8"
    ssh-keygen -q -p -P '' -N '' -m PEM -f "$name.pem" >/dev/null
    ssh-keygen -q -p -P '' -N '' -m PKCS8 -f "$name.pkcs8" >/dev/null
done
openssl genpkey -algorithm ed25519 -out ed25519.pkcs8 2>/dev/null
cp rsa2048 rsa2048.encrypted-pem
ssh-keygen -q -p -P '' -N konko -m PEM -f rsa2048.encrypted-pem >/dev/null

ssh-keygen -q -t dsa -N '' -C 'konko dss' -f dss

# The largest key takes minutes.
ssh-keygen -q -t rsa -b 16384 -N '' -C 'konko rsa16384' -f rsa16384
./forged_rsa.py

printf 'what is signed\n' >message
for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072 rsa16384 dss; do
    ssh-keygen -q -Y sign -f "$name" -n konko <message >"$name.sshsig" 2>/dev/null
done

for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072 dss; do
    ssh-keygen -l -E sha256 -f "$name.pub"
    ssh-keygen -l -E md5 -f "$name.pub"
done >fingerprints

key() { cut -d' ' -f1,2 "$1.pub"; }
{
    echo "plain.example $(key ed25519)"
    echo "first.example,192.0.2.7 $(key ecdsa256) with a comment"
    echo "[port.example]:2222 $(key rsa2048)"
    echo "[2001:db8::1]:2222 $(key ecdsa384)"
} >known_hosts
cp known_hosts known_hosts.hashed
ssh-keygen -q -H -f known_hosts.hashed >/dev/null 2>&1
rm -f known_hosts.hashed.old

# Lines of all shapes, and which of them ssh-keygen -F finds for which host ("host line" each).
key=$(key ed25519)
base64=${key#* }
blank=$(printf '\302\240')
{
    cat known_hosts known_hosts.hashed
    echo "UPPER.example,Mixed.Example $key"
    echo "*.wild.example,!not.wild.example $key"
    echo "!not.wild.example,*.wild.example $key"
    echo "10.0.?.* $key"
    echo "[*.wild.example]:2222 $key"
    echo "[*.wild.example]:* $key"
    echo "* $(key ecdsa256)"
    echo "!* $key"
    echo "? $key"
    echo "a,,b $key"
    echo "plain.example,plain.example $key"
    echo "  plain.example   $key   comment  "
    printf 'plain.example\t%s\tcomment\n' "$key"
    printf 'plain.example %s\r\n' "$key"
    echo "@revoked plain.example $key"
    echo "@cert-authority *.wild.example $key"
    echo "@revoked * $(key rsa2048)"
    echo "@other plain.example $key"
    echo "@revoked @cert-authority plain.example $key"
    echo "@revokedplain.example $key"
    echo "# plain.example $key"
    echo "#plain.example $key"
    echo "plain.example"
    echo "plain.example ssh-ed25519"
    echo "plain.example ssh-rsa $base64"
    echo "plain.example ssh-unknown $base64"
    echo "plain.example ssh-ed25519 AAAA$base64"
    echo "plain.example ssh-ed25519 !$base64"
    echo "plain.example,$key"
    echo "plain.example${blank}$key"
    echo "plain.example, $key"
    echo "plain.example. $key"
    echo "[plain.example]:22 $key"
    echo "[plain.example] $key"
    echo "plain.example:2222 $key"
    echo "2001:db8::1 $key"
    echo "[2001:db8::1]:22 $key"
    echo "|1|AAAA|AAAA $key"
    echo "|1| $key"
    echo "|2|$(sed -n 's/^|1|\([^ ]*\).*/\1/p;q' known_hosts.hashed) $key"
    echo
    printf 'last.example %s' "$key"
} >known_hosts.corpus
for host in plain.example first.example 192.0.2.7 '[port.example]:2222' port.example '[2001:db8::1]:2222' \
    2001:db8::1 upper.example mixed.example a.wild.example not.wild.example wild.example 10.0.1.2 10.0.12.2 10.1.1.1 \
    '[a.wild.example]:2222' '[a.wild.example]:22222' '[not.wild.example]:2222' '[plain.example]:2222' x a b xy \
    plain.example. last.example other.example; do
    ssh-keygen -F "$host" -f known_hosts.corpus | sed -n 's/^# Host \(.*\) found: line \([0-9]*\).*/\1 \2/p'
done >known_hosts.found

# <type>-cert.pub is a certificate of a user, <type>-host-cert.pub one of a host, signed by the key "authority";
# <type>-cert.list and <type>-host-cert.list say what ssh-keygen -L tells of them. (Times are written in UTC.)
export TZ=UTC
ssh-keygen -q -t ed25519 -N '' -C 'konko authority' -f authority
ssh-keygen -q -t rsa -b 2048 -N '' -C 'konko authority-rsa' -f authority-rsa
ssh-keygen -q -s authority-rsa -t ssh-rsa -I 'konko sha1' -n alice -O clear -O verify-required \
    -O no-touch-required -O critical:konko@example.com=value ed25519.pub
mv ed25519-cert.pub ed25519-sha1-cert.pub
serial=1
for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072 dss; do
    ssh-keygen -q -s authority -I "konko $name" -n alice,bob -z $serial -V 20200101:20400101 \
        -O force-command='echo "forced"' -O source-address=192.0.2.0/24,2001:db8::/32 -O no-pty \
        -O extension:konko@example.com=value "$name.pub"
    ssh-keygen -L -f "$name-cert.pub" >"$name-cert.list"
    cp "$name.pub" "$name-host.pub"
    ssh-keygen -q -s authority-rsa -t rsa-sha2-256 -h -I "konko $name host" -n '*.example,192.0.2.7' "$name-host.pub"
    ssh-keygen -L -f "$name-host-cert.pub" >"$name-host-cert.list"
    rm "$name-host.pub"
    serial=$((serial + 1))
done

# The same keys in the formats of others, encrypted under the passphrase "konko":
#
# <type>.pem.<cipher>       PKCS#1 or SEC1 with DEK-Info      <type>.pkcs8.<kdf>      PKCS#8 under PBES2
# <type>.ppk2, <type>.ppk3  PuTTY's versions, in the clear    <type>.ppk2.aes, <type>.ppk3.<argon2>
# <type>.rfc4716, <type>.spki, <type>.pem.pub                 public halves
openssl_passphrase() { openssl "$@" -passout pass:konko 2>/dev/null; }
for cipher in aes128 aes192 aes256 des3; do
    openssl_passphrase rsa -in rsa2048.pem -traditional "-$cipher" -out "rsa2048.pem.$cipher"
    openssl_passphrase ec -in ecdsa256.pem "-$cipher" -out "ecdsa256.pem.$cipher"
done
for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048; do
    pkcs8() { openssl_passphrase pkcs8 -topk8 -in "$name.pkcs8" "$@"; }
    pkcs8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -iter 1000 -out "$name.pkcs8.sha1-aes128"
    pkcs8 -v2 aes-192-cbc -v2prf hmacWithSHA512 -iter 1000 -out "$name.pkcs8.sha512-aes192"
    pkcs8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 1000 -out "$name.pkcs8.sha256-aes256"
    pkcs8 -v2 des3 -v2prf hmacWithSHA384 -iter 1000 -out "$name.pkcs8.sha384-3des"
    pkcs8 -scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 2 -out "$name.pkcs8.scrypt-aes256"
    openssl pkey -in "$name.pkcs8" -pubout -out "$name.spki"
done
printf konko >passphrase
for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048; do
    ppk() { puttygen "$name" -q -O private "$@"; }
    : >empty
    ppk --ppk-param version=2 --new-passphrase empty -o "$name.ppk2"
    ppk --ppk-param version=2 --new-passphrase passphrase -o "$name.ppk2.aes"
    ppk --ppk-param version=3 --new-passphrase empty -o "$name.ppk3"
    for argon2 in argon2id argon2i argon2d; do
        ppk --ppk-param "version=3,kdf=$argon2,memory=256,passes=2,parallelism=2" --new-passphrase passphrase \
            -o "$name.ppk3.$argon2"
    done
    ssh-keygen -e -f "$name.pub" | sed 's/by .* from/by konko from/' >"$name.rfc4716"
done
rm passphrase empty
ssh-keygen -e -m PEM -f rsa2048.pub >rsa2048.pem.pub
ssh-keygen -e -f ed25519-cert.pub | sed 's/by .* from/by konko from/' >ed25519-cert.rfc4716

for name in ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072 dss ed25519-cert; do
    ssh-keygen -lv -E sha256 -f "$name.pub"
    ssh-keygen -lv -E md5 -f "$name.pub"
done >randomarts

chmod 644 ./*
chmod 755 generate.sh
