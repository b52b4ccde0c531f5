-- How are we doing, in the figures to look at first?

select
    kpi,                                    -- name of the figure
    subject,                                -- whom it is about: all, a genre, a plan or a currency
    value,                                  -- the figure; null where nothing is known
    unit,                                   -- share (0 to 1), minutes, users, or a currency
    period,                                 -- the time it is about
    definition                              -- how it is reckoned
from gold.kpis
order by kpi, subject
