-- For people at the sqlite3 shell.

CREATE VIEW open_findings AS
SELECT f.id, f.address, f.verdict, round(f.score, 4) AS score, f.life,
       CASE WHEN f.handling = 'dismissed' THEN NULL ELSE f.handling END AS handling,
       f.customer, f.asn,
       (SELECT group_concat(value, ' ') FROM json_each(f.rules)) AS rules,
       f.first_seen, f.last_seen, f.notified_at
FROM findings AS f
WHERE f.life <> 'gone'
  AND f.handling IS NOT 'resolved'
  AND NOT (f.handling IS 'dismissed' AND coalesce(f.handled_until, '9') > strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
ORDER BY f.verdict, f.score DESC, f.address_key;

CREATE VIEW host_history AS
SELECT f.address, o.observed_at AS at, r.ulid AS run, 'observed' AS what, e.verdict, round(e.score, 4) AS score, e.customer,
       (SELECT group_concat(value, ' ') FROM json_each(e.rules)) AS rules, r.packs, NULL AS who, NULL AS reason, o.evidence_id
FROM observations AS o
JOIN findings AS f ON f.id = o.finding_id
JOIN runs AS r ON r.id = o.run_id
JOIN evidence AS e ON e.id = o.evidence_id
UNION ALL
SELECT f.address, v.at, r.ulid, v.kind, v.verdict, NULL, v.customer,
       (SELECT group_concat(value, ' ') FROM json_each(v.rules)), r.packs, v.who, v.reason, NULL
FROM events AS v
JOIN findings AS f ON f.id = v.finding_id
LEFT JOIN runs AS r ON r.id = v.run_id
ORDER BY address, at;
