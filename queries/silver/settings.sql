-- Numbers that definitions depend on, in one place. One row.
--
-- grain: completed_at

select
    0.85 as completed_at                    -- completion ratio from which a session counts as completed
