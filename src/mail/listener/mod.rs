//! The SMTP and LMTP doors.
