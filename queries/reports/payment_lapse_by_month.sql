-- How many of those who paid in one month did not pay in the next?
--
-- param: since date = null

select
    to_char(month, '%Y-%m') as month,       -- the month
    is_partial,                             -- not over at as_of
    payers_before,                          -- users who paid in the month before
    lapsed,                                 -- of those, did not pay in this one
    payment_lapse_rate,                     -- lapsed over payers of the month before, 0 to 1
    new_payers,                             -- users who paid for the first time ever
    returned_payers,                        -- users who paid again, but not in the month before
    payers                                  -- users who paid in the month
from gold.payment_lapse_monthly
where $since is null or month >= cast($since as date)
order by month
