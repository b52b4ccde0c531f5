-- Plans that the landed price lists name in several currencies: money would be relabelled.

select
    trim(plan) as plan,
    count(distinct upper(trim(currency))) as currencies,
    min(upper(trim(currency))) as one_currency,
    max(upper(trim(currency))) as another_currency
from bronze.plans
group by trim(plan)
having count(distinct upper(trim(currency))) > 1
order by trim(plan)
