-- Platforms that two names are kept for, as far as the letters tell.
--
-- tags: warn

select
    regexp_replace(lower(platform), '[^a-z0-9]', '', 'g') as letters,
    string_agg(platform, ', ' order by platform) as platforms
from gold.dim_platform
where regexp_like(platform, '[A-Za-z0-9]')
group by regexp_replace(lower(platform), '[^a-z0-9]', '', 'g')
having count(*) > 1
