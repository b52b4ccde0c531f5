-- Which published headline numbers does the data confirm, and what do they mean?

select
    headline,                               -- what the number is
    published,                              -- as published; empty where it was not
    value,                                  -- what the figures say
    unit,                                   -- the unit of both
    period,                                 -- what the figures are about
    is_confirmed,                           -- equal to the last digit printed
    remark                                  -- what to keep in mind
from gold.platform_headlines
order by place
