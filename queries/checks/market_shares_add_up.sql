-- Years whose market shares do not add up to 1.

select
    metric,
    year,
    sum(market_share) as market_share
from gold.market_share
group by metric, year
having abs(sum(market_share) - 1) > 0.000001
