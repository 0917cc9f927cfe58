-- Keep what was counted of a flow, and when it opens by itself.
UPDATE flows SET openings = ?2, starts = ?3, opens_at = ?4, shut_at = ?5 WHERE flow = ?1;
