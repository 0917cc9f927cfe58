-- What a delivery is compared with.
SELECT generation, ended_at FROM fences WHERE schedule_id = ?1;
