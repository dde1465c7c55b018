//! The hashes of a body (RFC 6376, section 3.4) that is too large for memory.
//!
//! mail-auth wants a message as a whole. Of a large one it gets the beginning, which holds the header; the hashes that it made of what
//! it took for the body are then made anew, of the body in its file.

use std::io::{self, Read as _};

use mail_auth::AuthenticatedMessage;
use mail_auth::common::crypto::{HashAlgorithm, HashContext, HashImpl, Sha1, Sha256};
use mail_auth::dkim::Canonicalization;
use mail_auth::dkim::canonicalize::BodyHasher;

use crate::model::RawMail;

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;

/// Reads a mail as mail-auth does; `None` when it has no header.
pub(super) fn parse(mail: &RawMail) -> io::Result<Option<AuthenticatedMessage<'_>>> {
    let Some(mut message) = AuthenticatedMessage::parse(mail.head()) else {
        return Ok(None);
    };
    if mail.whole().is_none() {
        let body = u64::from(message.body_offset);
        for (canonicalization, algorithm, length, hash) in &mut message.body_hashes {
            *hash = match algorithm {
                HashAlgorithm::Sha1 => hash_of::<Sha1>(mail, body, *canonicalization, *length),
                HashAlgorithm::Sha256 => hash_of::<Sha256>(mail, body, *canonicalization, *length),
            }?;
        }
    }
    Ok(Some(message))
}

fn hash_of<H: HashImpl>(
    mail: &RawMail,
    body: u64,
    canonicalization: Canonicalization,
    length: u64,
) -> io::Result<Vec<u8>> {
    let mut hasher = BodyHasher::new(H::hasher(), canonicalization, length);
    let mut reader = mail.reader(body);
    let mut block = vec![0; BLOCK];
    loop {
        let count = reader.read(&mut block)?;
        if count == 0 {
            break;
        }
        hasher.write(block.get(..count).unwrap_or_default());
    }
    Ok(hasher.finish().0.complete().as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{IN_MEMORY, Spool};

    const HEADER: &str = "From: alice@example.org\r\n\
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=a; h=from; bh=AAAA; b=AAAA\r\n\
        DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=a; h=from; bh=AAAA; b=AAAA\r\n\
        DKIM-Signature: v=1; a=rsa-sha1; c=relaxed/simple; d=example.org; s=a; h=from; bh=AAAA; b=AAAA\r\n\r\n";

    fn spooled(bytes: &[u8]) -> RawMail {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path().into());
        spool.write(bytes).unwrap();
        spool.finish().unwrap()
    }

    /// What canonicalisation is about, in every order, and where blocks meet.
    fn body() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\r\n".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b" ".to_vec()),
            Just(b"\t ".to_vec()),
            Just(b"a".to_vec()),
            Just(b"some words".to_vec()),
            Just(b" \r\n\r\n".to_vec()),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn large_bodies_have_the_hashes_that_mail_auth_makes_of_the_whole(
            begin in body(), middle in body(), end in body(), offset in 0..8_usize,
        ) {
            // The pieces lie across the ends of blocks and of what is kept in memory.
            let mut mail = HEADER.as_bytes().to_vec();
            let body = mail.len();
            mail.extend(&begin);
            mail.resize((body + BLOCK).saturating_sub(offset).max(mail.len()), b'x');
            mail.extend(&middle);
            mail.resize((IN_MEMORY + BLOCK).saturating_sub(offset).max(mail.len()), b'y');
            mail.extend(&end);
            let large = spooled(&mail);
            prop_assert!(large.whole().is_none());
            let whole = AuthenticatedMessage::parse(&mail).unwrap();
            let pieces = parse(&large).unwrap().unwrap();
            prop_assert_eq!(whole.body_hashes.len(), 3);
            for (one, other) in whole.body_hashes.iter().zip(&pieces.body_hashes) {
                prop_assert_eq!(&one.3, &other.3);
            }
            prop_assert_eq!(whole.headers, pieces.headers);
        }

        #[test]
        fn a_length_counts_bytes_of_the_body(body in body(), length in 1..200_u64) {
            for canonicalization in [Canonicalization::Relaxed, Canonicalization::Simple] {
                let whole = HashAlgorithm::Sha256.hash(canonicalization.canonical_body(&body, length));
                let pieces = hash_of::<Sha256>(&body.clone().into(), 0, canonicalization, length).unwrap();
                prop_assert_eq!(whole.as_ref(), pieces);
            }
        }
    }
}
