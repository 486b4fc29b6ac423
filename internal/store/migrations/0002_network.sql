-- The network and the chain: forwarding, outputs that are claimed on chain, and what plugins keep.

-- Every HTLC that a commitment of the peer ever had, for the scripts of a revoked one, and for
-- listhtlcs. The indexes have no index of their own: it would cost each payment more than a list gains.
CREATE TABLE channel_htlcs (
    channel       INTEGER NOT NULL,
    offered       INTEGER NOT NULL,           -- by us
    htlc_id       INTEGER NOT NULL,
    payment_hash  BLOB NOT NULL,
    cltv_expiry   INTEGER NOT NULL,
    amount_msat   INTEGER NOT NULL,
    created_index INTEGER NOT NULL,
    updated_index INTEGER NOT NULL DEFAULT 0, -- 0: it has no outcome yet
    PRIMARY KEY (channel, offered, htlc_id)
) WITHOUT ROWID;

-- What the chain has of a channel whose funding output is spent: the transactions that spend outputs of
-- the close, and of what follows from it. onchaind is told of them again at each start.
CREATE TABLE onchain_txs (
    channel  INTEGER NOT NULL,
    txid     BLOB NOT NULL,                   -- internal byte order
    raw      BLOB NOT NULL,
    height   INTEGER NOT NULL,
    tx_index INTEGER NOT NULL,
    PRIMARY KEY (channel, txid)
) WITHOUT ROWID;
CREATE INDEX onchain_txs_by_height ON onchain_txs (height);

-- Our own transactions that wait to be mined: sweeps, HTLC transactions, children of commitments. One
-- that is replaced gives way to its successor.
CREATE TABLE onchain_sent (
    txid          BLOB PRIMARY KEY,           -- internal byte order
    channel       INTEGER NOT NULL,
    raw           BLOB NOT NULL,
    fee_sat       INTEGER NOT NULL,
    feerate_perkw INTEGER NOT NULL            -- with its parent's weight and fee, if it is a child
) WITHOUT ROWID;

-- Outputs that are left, as they cost more than they are worth.
CREATE TABLE onchain_left (
    channel INTEGER NOT NULL,
    txid    BLOB NOT NULL,                    -- internal byte order
    output  INTEGER NOT NULL,
    height  INTEGER NOT NULL,                 -- when that was decided
    reason  TEXT NOT NULL,
    PRIMARY KEY (channel, txid, output)
) WITHOUT ROWID;

-- By which per_commitment_point the peer proved that our state is old.
ALTER TABLE channels ADD COLUMN future_point BLOB;

-- The transaction by which this node meant to close the channel, for when another was mined and is lost in
-- a reorganisation.
ALTER TABLE channels ADD COLUMN own_close BLOB;
UPDATE channels SET own_close = close_tx WHERE state IN ('CLOSINGD_COMPLETE', 'AWAITING_UNILATERAL');

-- The transaction with which somebody else means to fund a channel that we open, and whether it is held back
-- until it is sent by this node.
ALTER TABLE channels ADD COLUMN funding_psbt TEXT;
ALTER TABLE channels ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;

-- The secret shared with who made the onion of a part, where that was not this node (injectpaymentonion).
ALTER TABLE sendpays ADD COLUMN injected BLOB;

-- Forwards, a row for each incoming HTLC that was to be forwarded. With out_channel set, the row was
-- written in the unit that stored the outgoing channel's record of HTLC out_htlc_id.
CREATE TABLE forwards (
    created_index INTEGER PRIMARY KEY AUTOINCREMENT,
    updated_index INTEGER NOT NULL DEFAULT 0,
    in_channel    INTEGER NOT NULL,
    in_htlc_id    INTEGER NOT NULL,
    in_scid       INTEGER NOT NULL,           -- as shown
    in_msat       INTEGER NOT NULL,
    in_cltv       INTEGER NOT NULL,
    payment_hash  BLOB NOT NULL,
    out_channel   INTEGER,                    -- NULL: no channel committed to it
    out_htlc_id   INTEGER,
    out_scid      INTEGER NOT NULL,           -- as shown: which took it, or which was asked for
    out_msat      INTEGER NOT NULL,
    out_cltv      INTEGER NOT NULL,
    status        TEXT NOT NULL,              -- offered, settled, failed, local_failed
    failcode      INTEGER,
    received_ms   INTEGER NOT NULL,
    resolved_ms   INTEGER,
    preimage      BLOB,
    reason        BLOB,                       -- the next node's, encrypted,
    failure       BLOB,                       -- or ours; NULL once the incoming HTLC is gone
    UNIQUE (in_channel, in_htlc_id)
);
CREATE INDEX forwards_offered ON forwards (created_index) WHERE status = 'offered';
CREATE INDEX forwards_by_updated ON forwards (updated_index) WHERE updated_index > 0;

-- What became of each satoshi in the chain, a row for each output that came to an account, and for each
-- that left it. An account is 'wallet', 'external', or a channel_id.
CREATE TABLE chain_moves (
    created_index INTEGER PRIMARY KEY AUTOINCREMENT,
    account       TEXT NOT NULL,
    origin        TEXT,                       -- the account that it came from
    peer_id       BLOB,
    tag           TEXT NOT NULL,              -- primary_tag of coin_movement
    extra_tags    TEXT NOT NULL,              -- with commas between
    credit_msat   INTEGER NOT NULL,
    debit_msat    INTEGER NOT NULL,
    at            INTEGER NOT NULL,           -- unix seconds
    txid          BLOB NOT NULL,              -- of the output, internal byte order
    output        INTEGER NOT NULL,
    output_sat    INTEGER NOT NULL,
    spending_txid BLOB NOT NULL,              -- empty: it is about the output itself
    output_count  INTEGER,                    -- of the spending transaction
    payment_hash  BLOB,
    height        INTEGER NOT NULL,
    UNIQUE (txid, output, spending_txid, tag, account)
);
CREATE INDEX chain_moves_by_height ON chain_moves (height);

-- What moved within channels.
CREATE TABLE channel_moves (
    created_index INTEGER PRIMARY KEY AUTOINCREMENT,
    channel       INTEGER NOT NULL,
    tag           INTEGER NOT NULL,           -- 1 invoice, 2 routed, 3 pushed
    credit_msat   INTEGER NOT NULL,
    debit_msat    INTEGER NOT NULL,
    fees_msat     INTEGER NOT NULL,
    at            INTEGER NOT NULL,           -- unix seconds
    payment_hash  BLOB,
    partid        INTEGER,
    groupid       INTEGER
);

-- Incoming HTLCs that a plugin gave the preimage of: their invoice is 0.
CREATE INDEX htlcs_resolved ON htlcs_taken (channel, htlc_id) WHERE invoice = 0;

-- What plugins and other clients keep. A key is an array of strings, encoded in the order of its elements.
CREATE TABLE datastore (
    key        BLOB PRIMARY KEY,
    data       BLOB NOT NULL,
    generation INTEGER NOT NULL               -- counts changes
) WITHOUT ROWID;

-- Runes that were made here, as they are shown.
CREATE TABLE runes (
    id           INTEGER PRIMARY KEY,         -- unique_id
    rune         TEXT NOT NULL,
    last_used_ns INTEGER                      -- unix; NULL: never
);

-- Runes that are no longer good, ranges of unique_id that do not touch each other.
CREATE TABLE runes_blacklist (
    first INTEGER PRIMARY KEY,
    last  INTEGER NOT NULL                    -- inclusive
);

-- Commitments that peers have revoked, and that plugins with the hook commitment_revocation are still to be told of.
CREATE TABLE revoked_commitments (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    channel    INTEGER NOT NULL,
    number     INTEGER NOT NULL,              -- of the commitment
    secret     BLOB NOT NULL,                 -- the peer's per_commitment_secret
    txid       BLOB NOT NULL,                 -- internal byte order
    output     INTEGER NOT NULL,              -- its to_local
    amount_sat INTEGER NOT NULL
);

-- What peers with channels have stored here (BOLT 1, peer_storage), encrypted by them.
CREATE TABLE peer_storage (
    node_id BLOB PRIMARY KEY,
    blob    BLOB NOT NULL,
    height  INTEGER NOT NULL                  -- newest at which the peer is known to have had a channel
) WITHOUT ROWID;
