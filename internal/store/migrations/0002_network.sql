-- The network and the chain: forwarding, outputs that are claimed on chain, and what plugins keep.

-- Every HTLC that a commitment of the peer ever had, for the scripts of a revoked one.
CREATE TABLE channel_htlcs (
    channel      INTEGER NOT NULL,
    offered      INTEGER NOT NULL,            -- by us
    htlc_id      INTEGER NOT NULL,
    payment_hash BLOB NOT NULL,
    cltv_expiry  INTEGER NOT NULL,
    PRIMARY KEY (channel, offered, htlc_id)
) WITHOUT ROWID;
