CREATE TABLE integration (id bigserial PRIMARY KEY, key_hash varchar(64) UNIQUE);
CREATE TABLE alert (
    id bigserial PRIMARY KEY, integration_id bigint NOT NULL REFERENCES integration, dedup_key varchar(255) NOT NULL,
    state varchar(12) NOT NULL, summary varchar(1024) NOT NULL, occurrences int NOT NULL, last_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX one_open_alert_a_key ON alert (integration_id, dedup_key) WHERE state <> 'resolved';
CREATE TABLE event (
    id bigserial PRIMARY KEY, alert_id bigint NOT NULL REFERENCES alert, at timestamptz NOT NULL, data jsonb NOT NULL
);
CREATE INDEX event_by_alert ON event (alert_id, id);
INSERT INTO integration (key_hash) VALUES (encode(sha256('benchmark'), 'hex'));
