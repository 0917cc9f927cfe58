-- Flows whose rate lets jobs start by now, or whose times are worth nothing because the clock was set back.
SELECT flow FROM (
    SELECT flow FROM flows INDEXED BY flows_opening WHERE opens_at <= ?1
    UNION
    SELECT flow FROM flows INDEXED BY flows_shut WHERE shut_at > ?1
)
LIMIT ?2;
