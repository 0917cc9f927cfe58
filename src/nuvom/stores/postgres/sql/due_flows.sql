-- Flows whose rate lets jobs start by now, or whose times are worth nothing because the clock was set back.
SELECT flow FROM (
    SELECT flow FROM nuvom.flows WHERE opens_at <= $1
    UNION
    SELECT flow FROM nuvom.flows WHERE shut_at > $1
) AS due
LIMIT $2;
