-- Ids and hashes are blobs (use hex() to read them), amounts integers with their unit in the
-- name, times unix seconds. An index that counts creations or changes starts at 1.

-- What belongs to the node as a whole: "genesis" and "node_id" (blobs), and the counters.
CREATE TABLE vars (
    name  TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- Where a peer with a channel was last reached by us.
CREATE TABLE peers (
    node_id BLOB PRIMARY KEY,
    address TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE channels (
    id               INTEGER PRIMARY KEY,     -- number; its keys are derived from it (see "channel_number" in vars)
    peer_id          BLOB NOT NULL,
    channel_id       BLOB NOT NULL UNIQUE,
    state            TEXT NOT NULL,           -- as listpeerchannels names it
    opener           TEXT NOT NULL,           -- local or remote
    private          INTEGER NOT NULL,
    funding_txid     BLOB NOT NULL,           -- internal byte order
    funding_output   INTEGER NOT NULL,
    funding_sat      INTEGER NOT NULL,
    pushed_msat      INTEGER NOT NULL,
    min_depth        INTEGER NOT NULL,
    setup            BLOB NOT NULL,           -- what hsmd must know to sign for it (hsmdmsg.ChannelSetup)
    channel_type     BLOB NOT NULL,           -- BOLT 9 feature vector
    funding_tx       BLOB,                    -- to broadcast until it is mined, where we funded
    start_height     INTEGER NOT NULL,        -- no block before it can have the funding transaction
    short_channel_id INTEGER,
    alias_local      INTEGER NOT NULL,
    alias_remote     INTEGER,
    fee_base_msat    INTEGER NOT NULL,
    fee_ppm          INTEGER NOT NULL,
    htlc_min_msat    INTEGER NOT NULL,
    htlc_max_msat    INTEGER NOT NULL,
    cltv_delta       INTEGER NOT NULL,
    ignore_fee_limits INTEGER NOT NULL DEFAULT 0,
    lost_state       INTEGER NOT NULL DEFAULT 0, -- our state is old: never to be broadcast
    remote_update    BLOB,                    -- the peer's newest channel_update
    close_to         BLOB,                    -- our script, when a close is wanted or agreed beforehand
    closer           TEXT,                    -- local or remote
    close_cause      TEXT,                    -- as listclosedchannels names it
    close_tx         BLOB,                    -- the mutual or unilateral close that we know of
    close_height     INTEGER,                 -- block that holds the close
    last_stable      INTEGER,                 -- unix time of the last connection that stayed for a minute
    billboard        TEXT NOT NULL DEFAULT '' -- what is waited for, in words
);
CREATE INDEX channels_by_peer ON channels (peer_id);
CREATE INDEX channels_open ON channels (id) WHERE state != 'CLOSED';
CREATE INDEX channels_by_scid ON channels (short_channel_id) WHERE short_channel_id IS NOT NULL;

-- A channel's protocol state: one snapshot and the records since, in the core's encoding; and with
-- each entry the channel in numbers as it was then.
CREATE TABLE channel_log (
    id                 INTEGER PRIMARY KEY,   -- channel << 32 | number within the channel
    is_snapshot        INTEGER NOT NULL,
    data               BLOB NOT NULL,
    local_revoked      INTEGER NOT NULL,      -- how many of our commitments are revoked
    remote_signed      INTEGER NOT NULL,      -- how many of the peer's we have signed
    to_us_msat         INTEGER NOT NULL,
    min_to_us_msat     INTEGER NOT NULL,
    max_to_us_msat     INTEGER NOT NULL,
    next_in            INTEGER NOT NULL,      -- id of the next HTLC from the peer that is not counted yet
    in_offered         INTEGER NOT NULL,
    in_offered_msat    INTEGER NOT NULL,
    in_fulfilled       INTEGER NOT NULL,
    in_fulfilled_msat  INTEGER NOT NULL,
    out_offered        INTEGER NOT NULL,
    out_offered_msat   INTEGER NOT NULL,
    out_fulfilled      INTEGER NOT NULL,
    out_fulfilled_msat INTEGER NOT NULL
);

CREATE TABLE channel_state_changes (
    id        INTEGER PRIMARY KEY,
    channel   INTEGER NOT NULL REFERENCES channels (id),
    at_ms     INTEGER NOT NULL,
    old_state TEXT NOT NULL,
    new_state TEXT NOT NULL,
    cause     TEXT NOT NULL,
    message   TEXT NOT NULL
);
CREATE INDEX channel_state_changes_by_channel ON channel_state_changes (channel);

CREATE TABLE invoices (
    created_index  INTEGER PRIMARY KEY AUTOINCREMENT,
    updated_index  INTEGER NOT NULL DEFAULT 0,
    label          TEXT NOT NULL UNIQUE,
    bolt11         TEXT NOT NULL,
    description    TEXT NOT NULL,
    payment_hash   BLOB NOT NULL UNIQUE,
    preimage       BLOB NOT NULL,
    payment_secret BLOB NOT NULL,
    amount_msat    INTEGER NOT NULL,          -- 0: any
    min_final_cltv INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    status         TEXT NOT NULL,             -- unpaid, paid, expired
    pay_index      INTEGER,
    received_msat  INTEGER,
    paid_at        INTEGER
);
CREATE UNIQUE INDEX invoices_by_pay_index ON invoices (pay_index) WHERE pay_index IS NOT NULL;
CREATE INDEX invoices_by_updated ON invoices (updated_index) WHERE updated_index > 0;
CREATE INDEX invoices_to_expire ON invoices (expires_at) WHERE status = 'unpaid';

-- Incoming HTLCs that were taken for an invoice: what a channel is told again after a restart.
CREATE TABLE htlcs_taken (
    channel     INTEGER NOT NULL,
    htlc_id     INTEGER NOT NULL,
    invoice     INTEGER NOT NULL,             -- created_index
    amount_msat INTEGER NOT NULL,
    preimage    BLOB NOT NULL,
    PRIMARY KEY (channel, htlc_id)
) WITHOUT ROWID;

-- Outgoing payments, a row each part.
CREATE TABLE sendpays (
    created_index INTEGER PRIMARY KEY AUTOINCREMENT,
    updated_index INTEGER NOT NULL DEFAULT 0,
    payment_hash  BLOB NOT NULL,
    groupid       INTEGER NOT NULL,
    partid        INTEGER NOT NULL,
    status        TEXT NOT NULL,              -- pending, complete, failed
    destination   BLOB,
    amount_msat   INTEGER NOT NULL,
    sent_msat     INTEGER NOT NULL,
    total_msat    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    completed_at  INTEGER,
    label         TEXT,
    bolt11        TEXT,
    description   TEXT,
    route         BLOB NOT NULL,              -- hops and their shared secrets (payments.Route)
    channel       INTEGER,                    -- our channel that carries the HTLC,
    htlc_id       INTEGER,                    -- and its id, once they are committed to
    preimage      BLOB,
    failure       BLOB,                       -- payments.Failure
    UNIQUE (payment_hash, groupid, partid)
);
CREATE INDEX sendpays_by_updated ON sendpays (updated_index) WHERE updated_index > 0;
CREATE INDEX sendpays_pending ON sendpays (created_index) WHERE status = 'pending';

-- The newest blocks that were processed, to find a reorganisation.
CREATE TABLE blocks (
    height INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL                      -- internal byte order
);

-- Addresses of the wallet; kind 1 is BIP 84 (p2wpkh), 2 is BIP 86 (p2tr).
CREATE TABLE wallet_addresses (
    kind      INTEGER NOT NULL,
    is_change INTEGER NOT NULL,
    key_index INTEGER NOT NULL,
    script    BLOB NOT NULL,
    issued    INTEGER NOT NULL,
    PRIMARY KEY (kind, is_change, key_index)
) WITHOUT ROWID;

CREATE TABLE wallet_coins (
    txid         BLOB NOT NULL,               -- internal byte order
    output       INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    is_change    INTEGER NOT NULL,
    key_index    INTEGER NOT NULL,
    script       BLOB NOT NULL,
    amount_sat   INTEGER NOT NULL,
    height       INTEGER NOT NULL,            -- 0: unconfirmed
    is_coinbase  INTEGER NOT NULL,
    spent_by     BLOB,                        -- txid
    spent_height INTEGER NOT NULL,            -- 0 while the spend is unconfirmed
    reserved_to  INTEGER NOT NULL,            -- height; 0: not reserved
    PRIMARY KEY (txid, output)
) WITHOUT ROWID;
CREATE INDEX wallet_coins_live ON wallet_coins (spent_height) WHERE spent_by IS NULL OR spent_height = 0;
CREATE INDEX wallet_coins_by_spend ON wallet_coins (spent_height) WHERE spent_height > 0;

-- Transactions that pay us or spend our coins.
CREATE TABLE wallet_txs (
    id       INTEGER PRIMARY KEY,
    txid     BLOB NOT NULL UNIQUE,
    raw      BLOB NOT NULL,
    height   INTEGER NOT NULL,                -- 0: unconfirmed
    tx_index INTEGER NOT NULL
);
CREATE INDEX wallet_txs_by_height ON wallet_txs (height);
