"""The SQL of `batching`: one statement for each of its steps, whatever the size of the batch."""

from dispatching.delivery import delivering

CLAIM = """
WITH picked AS (
    SELECT id FROM dispatching_delivery
    WHERE queue = %(queue)s AND due_at <= %(now)s AND state = 'pending' AND content_id IS NOT NULL
        AND channel <> ALL(%(away)s::text[])
    ORDER BY due_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE dispatching_delivery AS delivery SET state = 'sending', attempt = attempt + 1, due_at = %(lease_until)s
FROM picked WHERE delivery.id = picked.id RETURNING delivery.id, delivery.attempt
"""
# Makes a delivery for each contact point of `taken`. Each replies to the first message of its thread that the point got.
MAKE = """
, earlier AS (
    SELECT DISTINCT taken.content_id, before.id FROM taken
    JOIN dispatching_content content ON content.id = taken.content_id
    JOIN dispatching_content before ON before.id = content.thread_id OR before.thread_id = content.thread_id
    WHERE before.id < content.id
), made AS (
    INSERT INTO dispatching_delivery (key, queue, content_id, contact_point_id, channel, recipient_name, address, subject,
        body, data, state, reason, created_at, due_at, expires_at, attempt, cancelled_at, receipt)
    SELECT gen_random_uuid(), 'bulk', taken.content_id, point.id, point.channel,
        coalesce(nullif(recipient.display_name, ''), trim(person.first_name || ' ' || person.last_name), ''), '', '', '',
        taken.data || jsonb_build_object('after', first.key),
        %(state)s, %(reason)s, %(now)s, %(due_at)s,
        -- So long it is tried: a webhook for as long as one may fail before it is given up, a mail server for a day.
        taken.due_at + CASE point.channel WHEN 'webhook' THEN interval '1 hour' ELSE interval '1 day' END,
        %(attempt)s, %(cancelled_at)s, ''
    FROM taken CROSS JOIN unnest(taken.contact_points) AS told (id) JOIN dispatching_contactpoint point USING (id)
    JOIN dispatching_recipient recipient ON recipient.id = point.recipient_id
    LEFT JOIN schedules_user person ON person.id = recipient.user_id
    LEFT JOIN LATERAL (
        SELECT sent.key FROM earlier JOIN dispatching_delivery sent
            ON sent.content_id = earlier.id AND sent.contact_point_id = point.id
        WHERE earlier.content_id = taken.content_id AND sent.state NOT IN ('suppressed', 'failed', 'dead')
        ORDER BY earlier.id LIMIT 1
    ) first ON true
    WHERE person.is_active IS NOT FALSE  -- people who have left meanwhile get nothing
    ORDER BY taken.content_id, point.id
    ON CONFLICT DO NOTHING RETURNING id, attempt
)
SELECT made.id, made.attempt FROM taken LEFT JOIN made ON true
"""
TAKE = f"""
WITH taken AS (
    DELETE FROM dispatching_batch WHERE id = (
        SELECT id FROM dispatching_batch WHERE due_at <= %(now)s ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING content_id, contact_points, data, due_at
){MAKE}"""
# Removes the contact point from the batches that contain none of the parts that it keeps.
WITHDRAW = f"""
WITH touched AS (
    SELECT id FROM dispatching_batch WHERE %(point)s = ANY(contact_points) AND NOT data->'parts' ?| %(keep)s::text[]
    ORDER BY id FOR UPDATE
), taken AS (
    UPDATE dispatching_batch AS batch SET contact_points = array_remove(contact_points, %(point)s)
    FROM touched WHERE batch.id = touched.id
    RETURNING batch.content_id, ARRAY[%(point)s::bigint] AS contact_points, batch.data, batch.due_at
){MAKE}"""
# Removes the contact points that will get the content `by` from the batches of `earlier` contents that are not due yet.
REPLACE = f"""
WITH touched AS (
    SELECT id, ARRAY(
        SELECT point FROM unnest(contact_points) AS point WHERE point IN (
            SELECT unnest(later.contact_points) FROM dispatching_batch later WHERE later.content_id = %(by)s
        )
    ) AS points
    FROM dispatching_batch WHERE content_id = ANY(%(earlier)s) AND due_at > %(now)s ORDER BY id FOR UPDATE
), taken AS (
    UPDATE dispatching_batch AS batch SET contact_points = ARRAY(
        SELECT point FROM unnest(batch.contact_points) AS point WHERE point <> ALL(touched.points)
    )
    FROM touched WHERE batch.id = touched.id AND touched.points <> '{{}}'
    RETURNING batch.content_id, touched.points AS contact_points, batch.data, batch.due_at
){MAKE}"""
MINE = "(delivery.id, delivery.attempt) IN (SELECT * FROM unnest(%(ids)s::bigint[], %(attempts)s::int[]))"
LOOK = delivering.LOOK + MINE
# Nothing was tried, so the attempt does not count.
GIVE_BACK = f"""
UPDATE dispatching_delivery AS delivery SET state = 'pending', attempt = attempt - 1, due_at = %(now)s,
    reason = CASE WHEN %(why)s::text = '' OR cancelled_at IS NOT NULL THEN reason ELSE %(why)s::text END
WHERE delivery.state = 'sending' AND {MINE}
"""
# The rows are locked in the order of their ids, so that two writers of the same rows do not deadlock.
RECORD = """
WITH results AS (
    SELECT results.* FROM jsonb_to_recordset(%(results)s::jsonb) AS results (id bigint, attempt int, state text, due_at timestamptz,
        sent_at timestamptz, receipt text, address text, reason text, outcome text, why text, at timestamptz, channel text)
), mine AS (
    SELECT delivery.id FROM dispatching_delivery delivery JOIN results USING (id, attempt)
    WHERE delivery.state = 'sending' ORDER BY delivery.id FOR UPDATE OF delivery
), recorded AS (
    UPDATE dispatching_delivery AS delivery SET state = results.state, due_at = results.due_at, sent_at = results.sent_at,
        receipt = results.receipt, address = results.address, reason = results.reason
    FROM results JOIN mine USING (id) WHERE delivery.id = results.id RETURNING results.*
), tried AS (
    INSERT INTO dispatching_attempt (delivery_id, number, at, outcome, reason)
    SELECT id, attempt, at, outcome, why FROM recorded WHERE outcome IS NOT NULL
), worked AS (
    UPDATE dispatching_medium SET failing_since = NULL
    WHERE failing_since IS NOT NULL AND channel IN (SELECT channel FROM results WHERE outcome = 'accepted')
)
SELECT count(*) FROM recorded
"""
